-- Castalia's own tables in ConfigDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" text NOT NULL PRIMARY KEY,
  "Value" text NOT NULL
);
