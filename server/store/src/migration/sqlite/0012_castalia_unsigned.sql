-- Clients of observed access keys in ConfigDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaUnsigned" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL,
  "Ip" text NOT NULL,
  "LastTime" text NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "CastaliaUnsigned_UK_AppId_Ip" ON "CastaliaUnsigned" ("AppId", "Ip");
CREATE INDEX IF NOT EXISTS "CastaliaUnsigned_IX_LastTime" ON "CastaliaUnsigned" ("LastTime");
