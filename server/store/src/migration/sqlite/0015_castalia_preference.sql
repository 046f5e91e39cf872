-- Preferences of users for the web UI, in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a
-- line end.

CREATE TABLE IF NOT EXISTS "CastaliaPreference" (
  "UserId" text NOT NULL,
  "Name" text NOT NULL,
  "Value" text NOT NULL,
  PRIMARY KEY ("UserId", "Name")
);
