-- JSON Schemas of namespaces, in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line
-- end.

CREATE TABLE IF NOT EXISTS "CastaliaNamespaceSchema" (
  "Env" text NOT NULL,
  "NamespaceId" integer NOT NULL,
  "AppId" text NOT NULL,
  "ClusterName" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "Text" text NOT NULL,
  "ChangedBy" text NOT NULL,
  "ChangedTime" text NOT NULL,
  PRIMARY KEY ("Env", "NamespaceId")
);
CREATE INDEX IF NOT EXISTS "CastaliaNamespaceSchema_IX_AppId" ON "CastaliaNamespaceSchema" ("AppId");
