-- Castalia's own tables in PortalDB for PostgreSQL. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaSession" (
  "IdHash" varchar(64) NOT NULL PRIMARY KEY,
  "UserId" varchar(64) NOT NULL,
  "CsrfToken" varchar(64) NOT NULL,
  "CreatedTime" timestamptz(3) NOT NULL,
  "LastSeenTime" timestamptz(3) NOT NULL,
  "ExpiryTime" timestamptz(3) NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaSession_IX_UserId" ON "CastaliaSession" ("UserId");
CREATE INDEX IF NOT EXISTS "CastaliaSession_IX_ExpiryTime" ON "CastaliaSession" ("ExpiryTime");

CREATE TABLE IF NOT EXISTS "CastaliaConsumerGrant" (
  "ConsumerId" bigint NOT NULL PRIMARY KEY,
  "AllApps" boolean NOT NULL,
  "CreatedBy" varchar(64) NOT NULL,
  "CreatedTime" timestamptz(3) NOT NULL
);
