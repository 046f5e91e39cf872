// Addresses that are called after publishes, and the log of their deliveries.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { IconPencil, IconPlus, IconSend, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { deleteWebhook, deliveries, saveWebhook, testWebhook, webhooks } from "../api/admin";
import { useBoot } from "../api/queries";
import type { Webhook, WebhookDelivery } from "../api/schema";
import { Choices } from "../components/Choices";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { Main } from "../components/Main";
import { ShownOnce } from "../components/ShownOnce";
import { Since } from "../components/Since";
import { Empty, Failure, Loaded } from "../components/States";

type Act = { kind: "edit"; webhook: Webhook | null } | { kind: "delete" | "made"; webhook: Webhook };
const STALE = [webhooks.queryKey];
const REFRESH_MS = 3000;

export function AdminWebhooks() {
  const { t } = useTranslation();
  const list = useQuery(webhooks);
  const [act, setAct] = useState<Act | null>(null);
  const test = useAction(testWebhook, STALE);
  const onClose = () => setAct(null);
  const onReload = (seen: Webhook | null) => {
    const webhook = list.data?.find(({ id }) => id === seen?.id);
    setAct(webhook ? { kind: "edit", webhook } : null);
  };
  return (
    <Main title={t("admin.section.webhooks")}>
      <div className="row">
        <h1>{t("admin.section.webhooks")}</h1>
        <Button
          className="push"
          leftSection={<IconPlus size={16} />}
          onClick={() => setAct({ kind: "edit", webhook: null })}
        >
          {t("webhook.new")}
        </Button>
      </div>
      <p className="note">{t("webhook.help")}</p>
      {test.error && <Failure error={test.error} />}
      <Loaded query={list}>
        {(found) =>
          found.length === 0 ? (
            <Empty title={t("webhook.none")} />
          ) : (
            <DataTable
              label={t("admin.section.webhooks")}
              rows={found}
              rowKey={({ id = 0 }) => id}
              columns={[
                { name: t("webhook.url"), cell: ({ url }) => <span className="mono">{url}</span> },
                { name: t("webhook.app"), cell: ({ appId }) => appId || t("token.allApps") },
                { name: t("webhook.envs"), cell: ({ envs = [] }) => envs.join(", ") || t("access.allEnvs") },
                { name: t("item.state"), cell: ({ enabled }) => t(enabled ? "users.enabled" : "users.disabled") },
              ]}
              actions={(webhook) => {
                const { url = "", id = 0 } = webhook;
                return [
                  {
                    label: t("webhook.test", { url }),
                    icon: IconSend,
                    why: test.isPending && t("why.sending"),
                    onClick: () => test.mutate(id),
                  },
                  {
                    label: t("webhook.edit", { url }),
                    icon: IconPencil,
                    onClick: () => setAct({ kind: "edit", webhook }),
                  },
                  {
                    label: t("webhook.delete", { url }),
                    icon: IconTrash,
                    onClick: () => setAct({ kind: "delete", webhook }),
                  },
                ];
              }}
            />
          )
        }
      </Loaded>
      <h2>{t("webhook.log")}</h2>
      <Deliveries />
      {act?.kind === "edit" && (
        <Edit
          key={act.webhook?.revision}
          webhook={act.webhook}
          onSaved={(made) => setAct(made?.secret ? { kind: "made", webhook: made } : null)}
          onReload={() => onReload(act.webhook)}
          onClose={onClose}
        />
      )}
      {act?.kind === "delete" && <Delete webhook={act.webhook} onClose={onClose} />}
      {act?.kind === "made" && (
        <Dialog size="lg" title={t("webhook.made")} onClose={onClose}>
          <div className="stack">
            <ShownOnce label={t("webhook.secret")} secret={act.webhook.secret ?? ""} />
            <div className="row end">
              <Button onClick={onClose}>{t("secret.stored")}</Button>
            </div>
          </div>
        </Dialog>
      )}
    </Main>
  );
}

interface EditProps {
  webhook: Webhook | null;
  onSaved: (webhook: Webhook | null) => void;
  onReload: () => void;
  onClose: () => void;
}

function Edit({ webhook, onSaved, onReload, onClose }: EditProps) {
  const { t } = useTranslation();
  const { envs: known } = useBoot();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [appId, setAppId] = useState(webhook?.appId ?? "");
  const [envs, setEnvs] = useState(webhook?.envs ?? []);
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const [isChecked, setIsChecked] = useState(false);
  const write = useAction(() => saveWebhook(webhook, { url, appId, envs, enabled }), STALE, onSaved);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (url.trim() !== "") write.mutate(undefined);
  };
  return (
    <Dialog size="lg" title={webhook ? t("webhook.edit", { url: webhook.url }) : t("webhook.new")} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <TextInput
          label={t("webhook.url")}
          description={t("webhook.urlHelp")}
          classNames={{ input: "mono" }}
          data-autofocus
          value={url}
          error={isChecked && url.trim() === "" && t("check.required")}
          onChange={(event) => setUrl(event.currentTarget.value)}
        />
        <TextInput
          label={t("webhook.app")}
          description={t("webhook.appHelp")}
          classNames={{ input: "mono" }}
          value={appId}
          onChange={(event) => setAppId(event.currentTarget.value)}
        />
        <Choices label={t("token.envs")} all={known} chosen={envs} onChange={setEnvs} />
        <Checkbox
          label={t("users.enabled")}
          checked={enabled}
          onChange={(event) => setEnabled(event.currentTarget.checked)}
        />
        <DialogEnd write={write} action={t("webhook.save")} onReload={onReload} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function Delete({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useTranslation();
  const { url } = webhook;
  const write = useAction(() => deleteWebhook(webhook), STALE, onClose);
  return (
    <Confirm
      title={t("webhook.delete", { url })}
      action={t("webhook.deleteAct")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("webhook.deleteText")}</p>
    </Confirm>
  );
}

function Deliveries() {
  const { t } = useTranslation();
  const log = useQuery({
    ...deliveries,
    refetchInterval: ({ state: { data } }) => (data?.some(({ state }) => state === "pending") ? REFRESH_MS : false),
  });
  return (
    <Loaded query={log}>
      {(list) =>
        list.length === 0 ? (
          <Empty title={t("webhook.noDelivery")} />
        ) : (
          <DataTable
            label={t("webhook.log")}
            rows={list}
            rowKey={({ id = 0 }) => id}
            columns={[
              { name: t("audit.time"), cell: ({ createdTime }) => <Since time={createdTime} /> },
              { name: t("webhook.receiver"), cell: (delivery) => <Receiver delivery={delivery} /> },
              {
                name: t("webhook.about"),
                cell: ({ appId, env, clusterName, namespaceName }) =>
                  [appId, env, clusterName, namespaceName].filter(Boolean).join(" / "),
              },
              { name: t("item.state"), cell: (delivery) => <DeliveryState delivery={delivery} /> },
              { name: t("webhook.attempts"), cell: ({ attempts }) => attempts },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function Receiver({ delivery: { url, webhookId, kind } }: { delivery: WebhookDelivery }) {
  const { t } = useTranslation();
  const name = webhookId ? t("webhook.number", { id: webhookId }) : kind;
  return (
    <>
      <span className="mono">{url || name}</span>{" "}
      {kind === "test" && <span className="badge">{t("webhook.isTest")}</span>}
    </>
  );
}

function DeliveryState({ delivery: { state, status, problem } }: { delivery: WebhookDelivery }) {
  const { t } = useTranslation();
  const known = state === "delivered" || state === "failed" ? state : "pending";
  const chip = { delivered: "live", failed: "deleted", pending: "late" }[known];
  return (
    <>
      <span className="chip" data-state={chip}>
        {t(`webhook.state.${known}`)}
      </span>{" "}
      <span className="note">{[status, problem].filter(Boolean).join(" ")}</span>
    </>
  );
}
