-- Preferences of users for the web UI, in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a
-- semicolon at a line end.

CREATE TABLE IF NOT EXISTS `CastaliaPreference` (
  `UserId` varchar(64) NOT NULL,
  `Name` varchar(32) NOT NULL,
  `Value` varchar(64) NOT NULL,
  PRIMARY KEY (`UserId`, `Name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
