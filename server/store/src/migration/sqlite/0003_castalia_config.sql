-- Tables of our own in ConfigDB for SQLite. Every statement can be run again and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" text NOT NULL PRIMARY KEY,
  "Value" text NOT NULL
);
