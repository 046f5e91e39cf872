-- The tables of Apollo's ConfigDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.
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

CREATE TABLE IF NOT EXISTS "Audit" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "EntityName" text NOT NULL DEFAULT 'default',
  "EntityId" integer,
  "OpName" text NOT NULL DEFAULT 'default',
  "Comment" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "Audit_DataChange_LastTime" ON "Audit" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Cluster" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Name" text NOT NULL DEFAULT '',
  "AppId" text NOT NULL DEFAULT '',
  "ParentClusterId" integer NOT NULL DEFAULT 0,
  "Comment" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Cluster_UK_AppId_Name_DeletedAt" ON "Cluster" ("AppId", "Name", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Cluster_IX_ParentClusterId" ON "Cluster" ("ParentClusterId");
CREATE INDEX IF NOT EXISTS "Cluster_DataChange_LastTime" ON "Cluster" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Commit" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ChangeSets" text NOT NULL,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "NamespaceName" text NOT NULL DEFAULT 'default',
  "Comment" text,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "Commit_DataChange_LastTime" ON "Commit" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "Commit_AppId" ON "Commit" ("AppId");
CREATE INDEX IF NOT EXISTS "Commit_ClusterName" ON "Commit" ("ClusterName");
CREATE INDEX IF NOT EXISTS "Commit_NamespaceName" ON "Commit" ("NamespaceName");

CREATE TABLE IF NOT EXISTS "GrayReleaseRule" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "NamespaceName" text NOT NULL DEFAULT 'default',
  "BranchName" text NOT NULL DEFAULT 'default',
  "Rules" text DEFAULT '[]',
  "ReleaseId" integer NOT NULL DEFAULT 0,
  "BranchStatus" integer DEFAULT 1,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "GrayReleaseRule_DataChange_LastTime" ON "GrayReleaseRule" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "GrayReleaseRule_IX_Namespace" ON "GrayReleaseRule" ("AppId", "ClusterName", "NamespaceName");
CREATE INDEX IF NOT EXISTS "GrayReleaseRule_IX_ReleaseId_BranchStatus_IsDeleted" ON "GrayReleaseRule" ("ReleaseId", "BranchStatus", "IsDeleted");

CREATE TABLE IF NOT EXISTS "Instance" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "DataCenter" text NOT NULL DEFAULT 'default',
  "Ip" text NOT NULL DEFAULT '',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Instance_IX_UNIQUE_KEY" ON "Instance" ("AppId", "ClusterName", "Ip", "DataCenter");
CREATE INDEX IF NOT EXISTS "Instance_IX_IP" ON "Instance" ("Ip");
CREATE INDEX IF NOT EXISTS "Instance_IX_DataChange_LastTime" ON "Instance" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "InstanceConfig" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "InstanceId" integer,
  "ConfigAppId" text NOT NULL DEFAULT 'default',
  "ConfigClusterName" text NOT NULL DEFAULT 'default',
  "ConfigNamespaceName" text NOT NULL DEFAULT 'default',
  "ReleaseKey" text NOT NULL DEFAULT '',
  "ReleaseDeliveryTime" text,
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "InstanceConfig_IX_UNIQUE_KEY" ON "InstanceConfig" ("InstanceId", "ConfigAppId", "ConfigNamespaceName");
CREATE INDEX IF NOT EXISTS "InstanceConfig_IX_ReleaseKey" ON "InstanceConfig" ("ReleaseKey");
CREATE INDEX IF NOT EXISTS "InstanceConfig_IX_DataChange_LastTime" ON "InstanceConfig" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "InstanceConfig_IX_Valid_Namespace" ON "InstanceConfig" ("ConfigAppId", "ConfigClusterName", "ConfigNamespaceName", "DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Item" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "NamespaceId" integer NOT NULL DEFAULT 0,
  "Key" text NOT NULL DEFAULT 'default',
  "Type" integer NOT NULL DEFAULT 0,
  "Value" text NOT NULL,
  "Comment" text DEFAULT '',
  "LineNum" integer DEFAULT 0,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "Item_IX_GroupId" ON "Item" ("NamespaceId");
CREATE INDEX IF NOT EXISTS "Item_DataChange_LastTime" ON "Item" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Namespace" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "NamespaceName" text NOT NULL DEFAULT 'default',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Namespace_UK_AppId_ClusterName_NamespaceName_DeletedAt" ON "Namespace" ("AppId", "ClusterName", "NamespaceName", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Namespace_DataChange_LastTime" ON "Namespace" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "Namespace_IX_NamespaceName" ON "Namespace" ("NamespaceName");

CREATE TABLE IF NOT EXISTS "NamespaceLock" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "NamespaceId" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "IsDeleted" boolean DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX IF NOT EXISTS "NamespaceLock_UK_NamespaceId_DeletedAt" ON "NamespaceLock" ("NamespaceId", "DeletedAt");
CREATE INDEX IF NOT EXISTS "NamespaceLock_DataChange_LastTime" ON "NamespaceLock" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "Release" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ReleaseKey" text NOT NULL DEFAULT '',
  "Name" text NOT NULL DEFAULT 'default',
  "Comment" text,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "NamespaceName" text NOT NULL DEFAULT 'default',
  "Configurations" text NOT NULL,
  "IsAbandoned" boolean NOT NULL DEFAULT FALSE,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "Release_UK_ReleaseKey_DeletedAt" ON "Release" ("ReleaseKey", "DeletedAt");
CREATE INDEX IF NOT EXISTS "Release_AppId_ClusterName_GroupName" ON "Release" ("AppId", "ClusterName", "NamespaceName");
CREATE INDEX IF NOT EXISTS "Release_DataChange_LastTime" ON "Release" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "ReleaseHistory" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "ClusterName" text NOT NULL DEFAULT 'default',
  "NamespaceName" text NOT NULL DEFAULT 'default',
  "BranchName" text NOT NULL DEFAULT 'default',
  "ReleaseId" integer NOT NULL DEFAULT 0,
  "PreviousReleaseId" integer NOT NULL DEFAULT 0,
  "Operation" integer NOT NULL DEFAULT 0,
  "OperationContext" text NOT NULL,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "ReleaseHistory_IX_Namespace" ON "ReleaseHistory" ("AppId", "ClusterName", "NamespaceName", "BranchName");
CREATE INDEX IF NOT EXISTS "ReleaseHistory_IX_ReleaseId" ON "ReleaseHistory" ("ReleaseId");
CREATE INDEX IF NOT EXISTS "ReleaseHistory_IX_DataChange_LastTime" ON "ReleaseHistory" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "ReleaseHistory_IX_PreviousReleaseId" ON "ReleaseHistory" ("PreviousReleaseId");

CREATE TABLE IF NOT EXISTS "ReleaseMessage" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Message" text NOT NULL DEFAULT '',
  "DataChange_LastTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE INDEX IF NOT EXISTS "ReleaseMessage_DataChange_LastTime" ON "ReleaseMessage" ("DataChange_LastTime");
CREATE INDEX IF NOT EXISTS "ReleaseMessage_IX_Message" ON "ReleaseMessage" ("Message");

CREATE TABLE IF NOT EXISTS "ServerConfig" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Key" text NOT NULL DEFAULT 'default',
  "Cluster" text NOT NULL DEFAULT 'default',
  "Value" text NOT NULL DEFAULT 'default',
  "Comment" text DEFAULT '',
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "ServerConfig_UK_Key_Cluster_DeletedAt" ON "ServerConfig" ("Key", "Cluster", "DeletedAt");
CREATE INDEX IF NOT EXISTS "ServerConfig_DataChange_LastTime" ON "ServerConfig" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "AccessKey" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL DEFAULT 'default',
  "Secret" text NOT NULL DEFAULT '',
  "Mode" integer NOT NULL DEFAULT 0,
  "IsEnabled" boolean NOT NULL DEFAULT FALSE,
  "IsDeleted" boolean NOT NULL DEFAULT FALSE,
  "DeletedAt" integer NOT NULL DEFAULT 0,
  "DataChange_CreatedBy" text NOT NULL DEFAULT 'default',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastModifiedBy" text DEFAULT '',
  "DataChange_LastTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "AccessKey_UK_AppId_Secret_DeletedAt" ON "AccessKey" ("AppId", "Secret", "DeletedAt");
CREATE INDEX IF NOT EXISTS "AccessKey_DataChange_LastTime" ON "AccessKey" ("DataChange_LastTime");

CREATE TABLE IF NOT EXISTS "ServiceRegistry" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "ServiceName" text NOT NULL,
  "Uri" text NOT NULL,
  "Cluster" text NOT NULL,
  "Metadata" text NOT NULL DEFAULT '{}',
  "DataChange_CreatedTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now')),
  "DataChange_LastTime" text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00','now'))
);
CREATE UNIQUE INDEX IF NOT EXISTS "ServiceRegistry_IX_UNIQUE_KEY" ON "ServiceRegistry" ("ServiceName", "Uri");
CREATE INDEX IF NOT EXISTS "ServiceRegistry_IX_DataChange_LastTime" ON "ServiceRegistry" ("DataChange_LastTime");

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
