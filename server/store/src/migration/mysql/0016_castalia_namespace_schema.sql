-- JSON Schemas of namespaces, in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at
-- a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaNamespaceSchema` (
  `Env` varchar(64) NOT NULL,
  `NamespaceId` bigint unsigned NOT NULL,
  `AppId` varchar(64) NOT NULL,
  `ClusterName` varchar(32) NOT NULL,
  `NamespaceName` varchar(32) NOT NULL,
  `Text` mediumtext NOT NULL,
  `ChangedBy` varchar(64) NOT NULL,
  `ChangedTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Env`, `NamespaceId`),
  KEY `IX_AppId` (`AppId`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
