-- Named values of the installation in PortalDB for SQLite; the same table as in ConfigDB, which may be the same database.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" text NOT NULL PRIMARY KEY,
  "Value" text NOT NULL
);
