-- JSON Schemas of namespaces, in PortalDB for PostgreSQL. Every statement is idempotent and ends with a semicolon at a line
-- end.

CREATE TABLE IF NOT EXISTS "CastaliaNamespaceSchema" (
  "Env" varchar(64) NOT NULL,
  "NamespaceId" bigint NOT NULL,
  "AppId" varchar(64) NOT NULL,
  "ClusterName" varchar(32) NOT NULL,
  "NamespaceName" varchar(32) NOT NULL,
  "Text" text NOT NULL,
  "ChangedBy" varchar(64) NOT NULL,
  "ChangedTime" timestamptz(3) NOT NULL,
  PRIMARY KEY ("Env", "NamespaceId")
);
CREATE INDEX IF NOT EXISTS "CastaliaNamespaceSchema_IX_AppId" ON "CastaliaNamespaceSchema" ("AppId");
