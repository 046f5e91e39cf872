-- Seals of the audit log in ConfigDB for MySQL and MariaDB. Every statement is idempotent and ends with a semicolon at a line end.
-- Times are datetime, in UTC: old servers add a default to a timestamp column without one.

CREATE TABLE IF NOT EXISTS `CastaliaAuditSeal` (
  `Number` bigint NOT NULL,
  `LastLogId` bigint NOT NULL,
  `LastInfluenceId` bigint NOT NULL,
  `LastAuditId` bigint NOT NULL,
  `Records` mediumtext NOT NULL,
  `Digest` varchar(64) NOT NULL,
  `SealedTime` datetime(3) NOT NULL,
  PRIMARY KEY (`Number`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
