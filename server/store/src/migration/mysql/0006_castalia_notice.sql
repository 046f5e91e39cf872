-- Webhooks and the queue of notices in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaWebhook` (
  `Id` int(11) unsigned NOT NULL AUTO_INCREMENT,
  `Url` varchar(1024) NOT NULL,
  `Secret` varchar(128) NOT NULL,
  `Envs` varchar(1024) NOT NULL,
  `AppId` varchar(64) NOT NULL,
  `IsEnabled` bit(1) NOT NULL,
  `CreatedBy` varchar(64) NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  `LastModifiedBy` varchar(64) NOT NULL,
  `LastTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS `CastaliaNotice` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `Env` varchar(64) NOT NULL,
  `AppId` varchar(64) NOT NULL,
  `ClusterName` varchar(32) NOT NULL,
  `NamespaceName` varchar(32) NOT NULL,
  `Operation` smallint NOT NULL,
  `Operator` varchar(64) NOT NULL,
  `ReleaseId` bigint unsigned NOT NULL,
  `HistoryId` bigint unsigned NOT NULL,
  `State` smallint NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  `NextTime` datetime(3) NOT NULL,
  `Body` longtext NULL,
  PRIMARY KEY (`Id`),
  KEY `IX_State` (`State`, `NextTime`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;

CREATE TABLE IF NOT EXISTS `CastaliaDelivery` (
  `Id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `NoticeId` bigint unsigned NOT NULL,
  `WebhookId` bigint unsigned NOT NULL,
  `Kind` smallint NOT NULL,
  `Target` varchar(1024) NOT NULL,
  `DeliveryKey` varchar(36) NOT NULL,
  `State` smallint NOT NULL,
  `Attempts` smallint NOT NULL,
  `Status` smallint NOT NULL,
  `Problem` varchar(256) NOT NULL,
  `CreatedTime` datetime(3) NOT NULL,
  `NextTime` datetime(3) NOT NULL,
  `LastTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Id`),
  KEY `IX_State` (`State`, `NextTime`),
  KEY `IX_NoticeId` (`NoticeId`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
