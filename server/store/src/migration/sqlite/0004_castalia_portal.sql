-- Castalia's own tables in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaSession" (
  "IdHash" text NOT NULL PRIMARY KEY,
  "UserId" text NOT NULL,
  "CsrfToken" text NOT NULL,
  "CreatedTime" text NOT NULL,
  "LastSeenTime" text NOT NULL,
  "ExpiryTime" text NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaSession_IX_UserId" ON "CastaliaSession" ("UserId");
CREATE INDEX IF NOT EXISTS "CastaliaSession_IX_ExpiryTime" ON "CastaliaSession" ("ExpiryTime");

CREATE TABLE IF NOT EXISTS "CastaliaConsumerGrant" (
  "ConsumerId" integer NOT NULL PRIMARY KEY,
  "AllApps" boolean NOT NULL,
  "CreatedBy" text NOT NULL,
  "CreatedTime" text NOT NULL
);
