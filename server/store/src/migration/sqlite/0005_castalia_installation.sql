-- Named values of the installation in PortalDB for SQLite; ConfigDB has the same table.

CREATE TABLE IF NOT EXISTS "CastaliaInstallation" (
  "Name" text NOT NULL PRIMARY KEY,
  "Value" text NOT NULL
);
