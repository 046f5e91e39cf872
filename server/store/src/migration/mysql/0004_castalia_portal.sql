-- Castalia's own tables in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaSession` (
  `IdHash` varchar(64) NOT NULL,
  `UserId` varchar(64) NOT NULL,
  `CsrfToken` varchar(64) NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  `LastSeenTime` datetime(3) NOT NULL,
  `ExpiryTime` datetime(3) NOT NULL,
  PRIMARY KEY (`IdHash`),
  KEY `IX_UserId` (`UserId`),
  KEY `IX_ExpiryTime` (`ExpiryTime`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS `CastaliaConsumerGrant` (
  `ConsumerId` int unsigned NOT NULL,
  `AllApps` bit(1) NOT NULL,
  `CreatedBy` varchar(64) NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  PRIMARY KEY (`ConsumerId`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
