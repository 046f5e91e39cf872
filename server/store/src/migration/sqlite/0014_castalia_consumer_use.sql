-- When consumers last used their tokens, in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a
-- line end.

CREATE TABLE IF NOT EXISTS "CastaliaConsumerUse" (
  "ConsumerId" integer NOT NULL PRIMARY KEY,
  "LastUsedTime" text NOT NULL
);
