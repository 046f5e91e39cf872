-- Requests for access in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaAccessRequest` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `AppRow` bigint unsigned NOT NULL,
  `Env` varchar(64) NOT NULL,
  `ClusterName` varchar(32) NOT NULL,
  `NamespaceName` varchar(32) NOT NULL,
  `RoleType` varchar(32) NOT NULL,
  `UserId` varchar(64) NOT NULL,
  `Note` varchar(500) NOT NULL,
  `State` smallint NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  `DecidedBy` varchar(64) NOT NULL,
  `DecidedTime` datetime(3) NULL,
  `Reason` varchar(500) NOT NULL,
  PRIMARY KEY (`Id`),
  KEY `IX_AppRow` (`AppRow`, `State`),
  KEY `IX_UserId` (`UserId`),
  KEY `IX_State` (`State`, `DecidedTime`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
