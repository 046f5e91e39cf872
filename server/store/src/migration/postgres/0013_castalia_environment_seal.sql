-- Seals of the audit log in ConfigDB for PostgreSQL. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaAuditSeal" (
  "Number" bigint NOT NULL PRIMARY KEY,
  "LastLogId" bigint NOT NULL,
  "LastInfluenceId" bigint NOT NULL,
  "LastAuditId" bigint NOT NULL,
  "Records" text NOT NULL,
  "Digest" varchar(64) NOT NULL,
  "SealedTime" timestamptz(3) NOT NULL
);
