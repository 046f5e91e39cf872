-- Seals of the audit log in ConfigDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaAuditSeal" (
  "Number" integer NOT NULL PRIMARY KEY,
  "LastLogId" integer NOT NULL,
  "LastInfluenceId" integer NOT NULL,
  "LastAuditId" integer NOT NULL,
  "Records" text NOT NULL,
  "Digest" text NOT NULL,
  "SealedTime" text NOT NULL
);
