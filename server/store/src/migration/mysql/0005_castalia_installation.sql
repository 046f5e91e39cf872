-- Named values of the installation in PortalDB for MySQL and MariaDB; ConfigDB has the same table.

CREATE TABLE IF NOT EXISTS `CastaliaInstallation` (
  `Name` varchar(64) NOT NULL,
  `Value` varchar(2048) NOT NULL,
  PRIMARY KEY (`Name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
