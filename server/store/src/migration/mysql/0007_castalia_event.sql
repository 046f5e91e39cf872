-- Recent edits and publishes in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaEvent` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `Env` varchar(64) NOT NULL,
  `AppId` varchar(64) NOT NULL,
  `ClusterName` varchar(32) NOT NULL,
  `NamespaceName` varchar(32) NOT NULL,
  `Kind` smallint NOT NULL,
  `Operator` varchar(64) NOT NULL,
  `ReleaseId` bigint unsigned NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Id`),
  KEY `IX_CreatedTime` (`CreatedTime`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
