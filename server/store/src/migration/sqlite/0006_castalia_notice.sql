-- Webhooks and the queue of notices in PortalDB for SQLite. Every statement is idempotent and ends with a semicolon at a line end.

CREATE TABLE IF NOT EXISTS "CastaliaWebhook" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Url" text NOT NULL,
  "Secret" text NOT NULL,
  "Envs" text NOT NULL,
  "AppId" text NOT NULL,
  "IsEnabled" boolean NOT NULL,
  "CreatedBy" text NOT NULL,
  "CreatedTime" text NOT NULL,
  "LastModifiedBy" text NOT NULL,
  "LastTime" text NOT NULL
);

CREATE TABLE IF NOT EXISTS "CastaliaNotice" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "Env" text NOT NULL,
  "AppId" text NOT NULL,
  "ClusterName" text NOT NULL,
  "NamespaceName" text NOT NULL,
  "Operation" integer NOT NULL,
  "Operator" text NOT NULL,
  "ReleaseId" integer NOT NULL,
  "HistoryId" integer NOT NULL,
  "State" integer NOT NULL,
  "CreatedTime" text NOT NULL,
  "NextTime" text NOT NULL,
  "Body" text
);
CREATE INDEX IF NOT EXISTS "CastaliaNotice_IX_State" ON "CastaliaNotice" ("State", "NextTime");

CREATE TABLE IF NOT EXISTS "CastaliaDelivery" (
  "Id" integer PRIMARY KEY AUTOINCREMENT,
  "NoticeId" integer NOT NULL,
  "WebhookId" integer NOT NULL,
  "Kind" integer NOT NULL,
  "Target" text NOT NULL,
  "DeliveryKey" text NOT NULL,
  "State" integer NOT NULL,
  "Attempts" integer NOT NULL,
  "Status" integer NOT NULL,
  "Problem" text NOT NULL,
  "CreatedTime" text NOT NULL,
  "NextTime" text NOT NULL,
  "LastTime" text NOT NULL
);
CREATE INDEX IF NOT EXISTS "CastaliaDelivery_IX_State" ON "CastaliaDelivery" ("State", "NextTime");
CREATE INDEX IF NOT EXISTS "CastaliaDelivery_IX_NoticeId" ON "CastaliaDelivery" ("NoticeId");
