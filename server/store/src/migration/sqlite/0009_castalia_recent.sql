-- Recently opened apps in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaRecent" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "UserId" text NOT NULL,
  "AppRow" integer NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "CastaliaRecent_UK_UserId_AppRow" ON "CastaliaRecent" ("UserId", "AppRow");
CREATE INDEX IF NOT EXISTS "CastaliaRecent_IX_AppRow" ON "CastaliaRecent" ("AppRow");
