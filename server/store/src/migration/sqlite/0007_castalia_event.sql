-- Recent edits and publishes in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaEvent" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Env" text NOT NULL,
  "AppId" text NOT NULL,
  "ClusterName" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "Kind" integer NOT NULL,
  "Operator" text NOT NULL,
  "ReleaseId" integer NOT NULL,
  "CreatedTime" text NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaEvent_IX_CreatedTime" ON "CastaliaEvent" ("CreatedTime");
