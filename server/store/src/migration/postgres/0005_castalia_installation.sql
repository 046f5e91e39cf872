-- Named values of the installation in PortalDB for PostgreSQL; the same table as in ConfigDB, which may be the same database.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" varchar(64) NOT NULL PRIMARY KEY,
  "Value" varchar(2048) NOT NULL
);
