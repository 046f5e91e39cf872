-- The applied steps and their times, for MySQL and MariaDB. Version 0 is named `fresh` or `adopted`. Times are UTC.

CREATE TABLE IF NOT EXISTS `CastaliaSchema` (
  `Version` int NOT NULL,
  `Name` varchar(64) NOT NULL,
  `AppliedAt` datetime(3) NOT NULL,
  PRIMARY KEY (`Version`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC;
