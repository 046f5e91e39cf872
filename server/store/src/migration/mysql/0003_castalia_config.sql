-- Castalia's own tables in ConfigDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS `CastaliaInstallation` (
  `Name` varchar(64) NOT NULL,
  `Value` varchar(2048) NOT NULL,
  PRIMARY KEY (`Name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
