-- When consumers last used their tokens, in PortalDB for PostgreSQL. Every statement is idempotent and ends with a semicolon
-- at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaConsumerUse" (
  "ConsumerId" bigint NOT NULL PRIMARY KEY,
  "LastUsedTime" timestamptz(3) NOT NULL
);
