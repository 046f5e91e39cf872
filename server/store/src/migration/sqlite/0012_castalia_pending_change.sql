-- Changes that environments have not received, in PortalDB for SQLite. Every statement is idempotent and ends with a
-- semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaPendingChange" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Env" text NOT NULL,
  "AppId" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "Operation" integer NOT NULL,
  "Operator" text NOT NULL,
  "CreatedTime" text NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "CastaliaPendingChange_UK_Env_AppId_NamespaceName"
  ON "CastaliaPendingChange" ("Env", "AppId", "NamespaceName");
