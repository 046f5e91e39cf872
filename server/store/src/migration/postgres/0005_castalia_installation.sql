-- Named values of the installation in PortalDB for PostgreSQL; ConfigDB has the same table.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" varchar(64) NOT NULL PRIMARY KEY,
  "Value" varchar(2048) NOT NULL
);
