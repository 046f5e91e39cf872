-- Clients of observed access keys in ConfigDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaUnsignedClient" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "AppId" text NOT NULL,
  "Ip" text NOT NULL,
  "LastTime" text NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "CastaliaUnsignedClient_UK_AppId_Ip" ON "CastaliaUnsignedClient" ("AppId", "Ip");
CREATE INDEX IF NOT EXISTS "CastaliaUnsignedClient_IX_LastTime" ON "CastaliaUnsignedClient" ("LastTime");
