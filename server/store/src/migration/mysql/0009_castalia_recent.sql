-- Recently opened apps in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS `CastaliaRecent` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `UserId` varchar(64) NOT NULL,
  `AppRow` bigint unsigned NOT NULL,
  PRIMARY KEY (`Id`),
  UNIQUE KEY `UK_UserId_AppRow` (`UserId`, `AppRow`),
  KEY `IX_AppRow` (`AppRow`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
