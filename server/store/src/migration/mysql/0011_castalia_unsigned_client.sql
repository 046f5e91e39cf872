-- Clients of observed access keys in ConfigDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaUnsignedClient` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `AppId` varchar(64) NOT NULL,
  `Ip` varchar(45) NOT NULL,
  `LastTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Id`),
  UNIQUE KEY `UK_AppId_Ip` (`AppId`, `Ip`),
  KEY `IX_LastTime` (`LastTime`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
