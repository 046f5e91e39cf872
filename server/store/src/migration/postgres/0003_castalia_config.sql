-- Castalia's own tables in ConfigDB for PostgreSQL. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" varchar(64) NOT NULL PRIMARY KEY,
  "Value" varchar(2048) NOT NULL
);
