-- Requests for access in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaAccessRequest" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppRow" integer NOT NULL,
  "Env" text NOT NULL,
  "ClusterName" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "RoleType" text NOT NULL,
  "UserId" text NOT NULL,
  "Note" text NOT NULL,
  "State" integer NOT NULL,
  "CreatedTime" text NOT NULL,
  "DecidedBy" text NOT NULL,
  "DecidedTime" text,
  "Reason" text NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaAccessRequest_IX_AppRow" ON "CastaliaAccessRequest" ("AppRow", "State");
CREATE INDEX IF NOT EXISTS "CastaliaAccessRequest_IX_UserId" ON "CastaliaAccessRequest" ("UserId");
CREATE INDEX IF NOT EXISTS "CastaliaAccessRequest_IX_State" ON "CastaliaAccessRequest" ("State", "DecidedTime");
