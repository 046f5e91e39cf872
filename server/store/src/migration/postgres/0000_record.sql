-- The applied steps and their times, for PostgreSQL. Version 0 is named `fresh` or `adopted`.

CREATE TABLE IF NOT EXISTS "CastaliaSchema" (
  "Version" integer NOT NULL PRIMARY KEY,
  "Name" varchar(64) NOT NULL,
  "AppliedAt" timestamptz(3) NOT NULL
);
