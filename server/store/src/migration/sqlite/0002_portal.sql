-- The tables of Apollo's PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.
-- Apollo has no schema for this engine. Index names include the table, because they are global to the file.
-- AUTOINCREMENT is required: the id of a deleted row must never be reused, or the message scan misses a row.

CREATE TABLE IF NOT EXISTS "App" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "Name" text NOT NULL DEFAULT 'default',
  "OrgId" text NOT NULL DEFAULT 'default',
  "OrgName" text NOT NULL DEFAULT 'default',
  "OwnerName" text NOT NULL DEFAULT 'default',
  "OwnerEmail" text NOT NULL DEFAULT 'default',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "App_UK_AppId_DeletedAt" ON "App" ("AppId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "App_DataChange_LastTime" ON "App" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "App_IX_Name" ON "App" ("Name");

CREATE TABLE IF NOT EXISTS "AppNamespace" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Name" text NOT NULL DEFAULT '',
  "AppId" text NOT NULL DEFAULT '',
  "Format" text NOT NULL DEFAULT 'properties',
  "IsPublic" boolean NOT NULL DEFAULT FALSE,
  "Comment" text NOT NULL DEFAULT '',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "AppNamespace_UK_AppId_Name_DeletedAt" ON "AppNamespace" ("AppId", "Name", "DeletedAt");
CREATE INDEX IF NOT EXISTS "AppNamespace_Name_AppId" ON "AppNamespace" ("Name", "AppId");
CREATE INDEX IF NOT EXISTS "AppNamespace_DataChange_LastTime" ON "AppNamespace" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Consumer" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "Name" text NOT NULL DEFAULT 'default',
  "OrgId" text NOT NULL DEFAULT 'default',
  "OrgName" text NOT NULL DEFAULT 'default',
  "OwnerName" text NOT NULL DEFAULT 'default',
  "OwnerEmail" text NOT NULL DEFAULT 'default',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Consumer_UK_AppId_DeletedAt" ON "Consumer" ("AppId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Consumer_DataChange_LastTime" ON "Consumer" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "ConsumerAudit" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ConsumerId" integer,
  "Uri" text NOT NULL DEFAULT '',
  "Method" text NOT NULL DEFAULT '',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "ConsumerAudit_IX_DataChange_LastTime" ON "ConsumerAudit" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "ConsumerAudit_IX_ConsumerId" ON "ConsumerAudit" ("ConsumerId");

CREATE TABLE IF NOT EXISTS "ConsumerRole" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ConsumerId" integer,
  "RoleId" integer,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "ConsumerRole_UK_ConsumerId_RoleId_DeletedAt" ON "ConsumerRole" ("ConsumerId", "RoleId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "ConsumerRole_IX_DataChange_LastTime" ON "ConsumerRole" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "ConsumerRole_IX_RoleId" ON "ConsumerRole" ("RoleId");

CREATE TABLE IF NOT EXISTS "ConsumerToken" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ConsumerId" integer,
  "Token" text NOT NULL DEFAULT '',
  "RateLimit" integer NOT NULL DEFAULT 0,
  "Expires" text NOT NULL DEFAULT '2099-01-01 00:00:00',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "ConsumerToken_UK_Token_DeletedAt" ON "ConsumerToken" ("Token", "DeletedAt");
CREATE INDEX IF NOT EXISTS "ConsumerToken_DataChange_LastTime" ON "ConsumerToken" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "UserToken" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "UserId" text NOT NULL DEFAULT '',
  "Name" text NOT NULL DEFAULT '',
  "TokenPrefix" text NOT NULL DEFAULT '',
  "TokenHash" text NOT NULL DEFAULT '',
  "Scopes" text,
  "RateLimit" integer NOT NULL DEFAULT 0,
  "Expires" text NOT NULL,
  "LastUsedTime" text,
  "LastUsedIp" text,
  "LastUsedUserAgent" text,
  "RevokedAt" text,
  "RevokedBy" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "UserToken_UK_TokenPrefix_DeletedAt" ON "UserToken" ("TokenPrefix", "DeletedAt");
CREATE INDEX IF NOT EXISTS "UserToken_IX_UserId" ON "UserToken" ("UserId");
CREATE INDEX IF NOT EXISTS "UserToken_IX_TokenHash" ON "UserToken" ("TokenHash");
CREATE INDEX IF NOT EXISTS "UserToken_IX_DataChange_LastTime" ON "UserToken" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "UserTokenAudit" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "TokenId" integer,
  "UserId" text NOT NULL DEFAULT '',
  "Uri" text NOT NULL DEFAULT '',
  "Method" text NOT NULL DEFAULT '',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  CONSTRAINT "FK_UserTokenAudit_TokenId" FOREIGN KEY ("TokenId") REFERENCES "UserToken" ("Id") ON DELETE SET NULL
);
CREATE INDEX IF NOT EXISTS "UserTokenAudit_IX_DataChange_LastTime" ON "UserTokenAudit" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "UserTokenAudit_IX_TokenId" ON "UserTokenAudit" ("TokenId");
CREATE INDEX IF NOT EXISTS "UserTokenAudit_IX_UserId" ON "UserTokenAudit" ("UserId");

CREATE TABLE IF NOT EXISTS "Favorite" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "UserId" text NOT NULL DEFAULT 'default',
  "AppId" text NOT NULL DEFAULT 'default',
  "Position" integer NOT NULL DEFAULT 10000,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Favorite_UK_UserId_AppId_DeletedAt" ON "Favorite" ("UserId", "AppId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Favorite_AppId" ON "Favorite" ("AppId");
CREATE INDEX IF NOT EXISTS "Favorite_DataChange_LastTime" ON "Favorite" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Permission" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "PermissionType" text NOT NULL DEFAULT '',
  "TargetId" text NOT NULL DEFAULT '',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Permission_UK_TargetId_PermissionType_DeletedAt" ON "Permission" ("TargetId", "PermissionType", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Permission_IX_DataChange_LastTime" ON "Permission" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Role" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "RoleName" text NOT NULL DEFAULT '',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Role_UK_RoleName_DeletedAt" ON "Role" ("RoleName", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Role_IX_DataChange_LastTime" ON "Role" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "RolePermission" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "RoleId" integer,
  "PermissionId" integer,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "RolePermission_UK_RoleId_PermissionId_DeletedAt" ON "RolePermission" ("RoleId", "PermissionId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "RolePermission_IX_DataChange_LastTime" ON "RolePermission" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "RolePermission_IX_PermissionId" ON "RolePermission" ("PermissionId");

CREATE TABLE IF NOT EXISTS "ServerConfig" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Key" text NOT NULL DEFAULT 'default',
  "Value" text NOT NULL DEFAULT 'default',
  "Comment" text DEFAULT '',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "ServerConfig_UK_Key_DeletedAt" ON "ServerConfig" ("Key", "DeletedAt");
CREATE INDEX IF NOT EXISTS "ServerConfig_DataChange_LastTime" ON "ServerConfig" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "UserRole" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "UserId" text DEFAULT '',
  "RoleId" integer,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "UserRole_UK_UserId_RoleId_DeletedAt" ON "UserRole" ("UserId", "RoleId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "UserRole_IX_DataChange_LastTime" ON "UserRole" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "UserRole_IX_RoleId" ON "UserRole" ("RoleId");

CREATE TABLE IF NOT EXISTS "Users" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Username" text NOT NULL DEFAULT 'default',
  "Password" text NOT NULL DEFAULT 'default',
  "UserDisplayName" text NOT NULL DEFAULT 'default',
  "Email" text NOT NULL DEFAULT 'default',
  "Enabled" integer
);
CREATE UNIQUE INDEX IF NOT EXISTS "Users_UK_Username" ON "Users" ("Username");

CREATE TABLE IF NOT EXISTS "Authorities" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Username" text NOT NULL,
  "Authority" text NOT NULL
);

CREATE TABLE IF NOT EXISTS "SPRING_SESSION" (
  "PRIMARY_ID" text NOT NULL,
  "SESSION_ID" text NOT NULL,
  "CREATION_TIME" integer NOT NULL,
  "LAST_ACCESS_TIME" integer NOT NULL,
  "MAX_INACTIVE_INTERVAL" integer NOT NULL,
  "EXPIRY_TIME" integer NOT NULL,
  "PRINCIPAL_NAME" text,
  PRIMARY KEY ("PRIMARY_ID")
);
CREATE UNIQUE INDEX IF NOT EXISTS "SPRING_SESSION_IX1" ON "SPRING_SESSION" ("SESSION_ID");
CREATE INDEX IF NOT EXISTS "SPRING_SESSION_IX2" ON "SPRING_SESSION" ("EXPIRY_TIME");
CREATE INDEX IF NOT EXISTS "SPRING_SESSION_IX3" ON "SPRING_SESSION" ("PRINCIPAL_NAME");

CREATE TABLE IF NOT EXISTS "SPRING_SESSION_ATTRIBUTES" (
  "SESSION_PRIMARY_ID" text NOT NULL,
  "ATTRIBUTE_NAME" text NOT NULL,
  "ATTRIBUTE_BYTES" blob NOT NULL,
  PRIMARY KEY ("SESSION_PRIMARY_ID", "ATTRIBUTE_NAME"),
  CONSTRAINT "SPRING_SESSION_ATTRIBUTES_FK" FOREIGN KEY ("SESSION_PRIMARY_ID") REFERENCES "SPRING_SESSION" ("PRIMARY_ID") ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS "AuditLog" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "TraceId" text NOT NULL DEFAULT '',
  "SpanId" text NOT NULL DEFAULT '',
  "ParentSpanId" text,
  "FollowsFromSpanId" text,
  "Operator" text NOT NULL DEFAULT 'anonymous',
  "OpType" text NOT NULL DEFAULT 'default',
  "OpName" text NOT NULL DEFAULT 'default',
  "Description" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text,
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "AuditLog_IX_TraceId" ON "AuditLog" ("TraceId");
CREATE INDEX IF NOT EXISTS "AuditLog_IX_OpName" ON "AuditLog" ("OpName");
CREATE INDEX IF NOT EXISTS "AuditLog_IX_DataChange_CreatedTime" ON "AuditLog" ("DataChange_CreatedTime");
CREATE INDEX IF NOT EXISTS "AuditLog_IX_Operator" ON "AuditLog" ("Operator");

CREATE TABLE IF NOT EXISTS "AuditLogDataInfluence" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "SpanId" text NOT NULL DEFAULT '',
  "InfluenceEntityId" text NOT NULL DEFAULT '0',
  "InfluenceEntityName" text NOT NULL DEFAULT 'default',
  "FieldName" text,
  "FieldOldValue" text,
  "FieldNewValue" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text,
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "AuditLogDataInfluence_IX_SpanId" ON "AuditLogDataInfluence" ("SpanId");
CREATE INDEX IF NOT EXISTS "AuditLogDataInfluence_IX_DataChange_CreatedTime" ON "AuditLogDataInfluence" ("DataChange_CreatedTime");
CREATE INDEX IF NOT EXISTS "AuditLogDataInfluence_IX_EntityId" ON "AuditLogDataInfluence" ("InfluenceEntityId");
