-- Changes that environments have not received, in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with
-- a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaPendingChange` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `Env` varchar(64) NOT NULL,
  `AppId` varchar(64) NOT NULL,
  `NamespaceName` varchar(32) NOT NULL,
  `Operation` smallint NOT NULL,
  `ObjectId` bigint unsigned NOT NULL,
  `Operator` varchar(64) NOT NULL,
  `DueTime` datetime(3) NOT NULL,
  `Problem` varchar(500) NOT NULL,
  PRIMARY KEY (`Id`),
  KEY `IX_AppId` (`AppId`),
  KEY `IX_Env` (`Env`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
