-- When consumers last used their tokens, in PortalDB for MySQL and MariaDB. Every statement is idempotent and ends with a
-- semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaConsumerUse` (
  `ConsumerId` int unsigned NOT NULL,
  `LastUsedTime` datetime(3) NOT NULL,
  PRIMARY KEY (`ConsumerId`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
