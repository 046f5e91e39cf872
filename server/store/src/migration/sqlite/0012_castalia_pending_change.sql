-- Changes that environments have not received, in PortalDB for SQLite. Every statement is idempotent and ends with a
-- semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaPendingChange" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Env" text NOT NULL,
  "AppId" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "Operation" integer NOT NULL,
  "ObjectId" integer NOT NULL,
  "Operator" text NOT NULL,
  "DueTime" text NOT NULL,
  "Problem" text NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaPendingChange_IX_AppId" ON "CastaliaPendingChange" ("AppId");
CREATE INDEX IF NOT EXISTS "CastaliaPendingChange_IX_Env" ON "CastaliaPendingChange" ("Env");
