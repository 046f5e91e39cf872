-- The applied steps and their times, for SQLite. Version 0 is named `fresh` or `adopted`.

CREATE TABLE IF NOT EXISTS "CastaliaSchema" (
  "Version" integer NOT NULL PRIMARY KEY,
  "Name" text NOT NULL,
  "AppliedAt" text NOT NULL
);
