-- Tables of our own in ConfigDB for PostgreSQL. Every statement can be run again and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" varchar(64) NOT NULL PRIMARY KEY,
  "Value" varchar(2048) NOT NULL
);
