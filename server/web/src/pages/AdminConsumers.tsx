// Third-party apps that call OpenAPI v1 with a token of their own: registration, grants, new tokens,
// deletion.
import { Button, TextInput } from "@mantine/core";
import { IconChartBar, IconKey, IconPlus, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { consumerRoles, consumers, deleteConsumer, grantToConsumer } from "../api/admin";
import { consumerCalls } from "../api/calls";
import { useBoot } from "../api/queries";
import type { Consumer } from "../api/schema";
import { Calls } from "../parts/Calls";
import { Choices } from "../parts/Choices";
import { Confirm } from "../parts/Confirm";
import { DataTable } from "../parts/DataTable";
import { Dialog } from "../parts/Dialog";
import { Main } from "../parts/Main";
import { ShownOnce } from "../parts/ShownOnce";
import { Empty, Failure, Loaded } from "../parts/States";
import { curl } from "../text/command";
import { ConsumerRoles } from "./ConsumerRoles";
import { NewConsumer } from "./NewConsumer";
import { RotateConsumer } from "./RotateConsumer";

type Act = { kind: "new" } | { kind: "grant" | "rotate" | "calls" | "delete"; consumer: Consumer };
const STALE = [consumers.queryKey];

export function AdminConsumers() {
  const { t } = useTranslation();
  const list = useQuery(consumers);
  const [act, setAct] = useState<Act | null>(null);
  const onClose = () => setAct(null);
  return (
    <Main title={t("admin.section.consumers")}>
      <div className="row">
        <h1>{t("admin.section.consumers")}</h1>
        <Button className="push" leftSection={<IconPlus size={16} />} onClick={() => setAct({ kind: "new" })}>
          {t("consumer.new")}
        </Button>
      </div>
      <p className="note">{t("consumer.help")}</p>
      <Loaded query={list}>
        {(found) =>
          found.length === 0 ? (
            <Empty title={t("consumer.none")} />
          ) : (
            <DataTable
              label={t("admin.section.consumers")}
              rows={found}
              rowKey={({ consumerId = 0 }) => consumerId}
              columns={[
                { name: t("consumer.appId"), cell: ({ appId }) => <b className="mono">{appId}</b> },
                { name: t("consumer.name"), cell: ({ name }) => name },
                { name: t("consumer.owner"), cell: ({ ownerName }) => ownerName },
                { name: t("consumer.rights"), cell: (consumer) => <Rights consumer={consumer} /> },
                {
                  name: t("consumer.rateLimit"),
                  cell: ({ rateLimit = 0 }) =>
                    rateLimit > 0 ? t("consumer.perSecond", { count: rateLimit }) : t("consumer.unlimited"),
                },
              ]}
              actions={(consumer) => [
                {
                  label: t("consumer.grant", { name: consumer.appId }),
                  icon: IconKey,
                  onClick: () => setAct({ kind: "grant", consumer }),
                },
                {
                  label: t("calls.of", { name: consumer.appId }),
                  icon: IconChartBar,
                  onClick: () => setAct({ kind: "calls", consumer }),
                },
                {
                  label: t("consumer.rotate", { name: consumer.appId }),
                  icon: IconRefresh,
                  onClick: () => setAct({ kind: "rotate", consumer }),
                },
                {
                  label: t("consumer.delete", { name: consumer.appId }),
                  icon: IconTrash,
                  onClick: () => setAct({ kind: "delete", consumer }),
                },
              ]}
            />
          )
        }
      </Loaded>
      {act?.kind === "new" && (
        <NewConsumer stale={STALE} onMade={(consumer) => setAct({ kind: "grant", consumer })} onClose={onClose} />
      )}
      {act?.kind === "grant" && <Grant consumer={act.consumer} onClose={onClose} />}
      {act?.kind === "rotate" && <RotateConsumer appId={act.consumer.appId ?? ""} onClose={onClose} />}
      {act?.kind === "calls" && (
        <Calls
          title={t("calls.of", { name: act.consumer.appId })}
          query={consumerCalls(act.consumer.appId ?? "")}
          onClose={onClose}
        />
      )}
      {act?.kind === "delete" && <Delete consumer={act.consumer} onClose={onClose} />}
    </Main>
  );
}

function Rights({ consumer }: { consumer: Consumer }) {
  const { t } = useTranslation();
  return (
    <span className="row tight">
      {consumer.allowCreateApplication && <span className="badge">{t("consumer.mayCreate")}</span>}
      {consumer.allowManageUsers && <span className="badge">{t("consumer.mayManage")}</span>}
    </span>
  );
}

/** Also shown after a creation, with the token that is known only then. */
function Grant({ consumer, onClose }: { consumer: Consumer; onClose: () => void }) {
  const { t } = useTranslation();
  const { envs: known } = useBoot();
  const [appId, setAppId] = useState("");
  const [namespaceName, setNamespaceName] = useState("");
  const [envs, setEnvs] = useState<string[]>([]);
  const [isChecked, setIsChecked] = useState(false);
  const write = useAction(grantToConsumer, [...STALE, consumerRoles(consumer.appId ?? "").queryKey]);
  const [env = "DEV"] = envs.length > 0 ? envs : known;
  const read = `envs/${env}/apps/${appId}/clusters/default/namespaces/${namespaceName || "application"}`;
  const missing = (text: string) => isChecked && text.trim() === "" && t("check.required");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (appId.trim() === "") return;
    // The id stands for the token, which is known only after the registration.
    const token = consumer.token ?? consumer.appId ?? "";
    write.mutate({ token, appId: appId.trim(), namespaceName: namespaceName.trim(), envs });
  };
  return (
    <Dialog size="lg" title={t("consumer.grant", { name: consumer.appId })} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        {consumer.token ? (
          <ShownOnce label={t("consumer.token")} secret={consumer.token} />
        ) : (
          <ConsumerRoles appId={consumer.appId ?? ""} />
        )}
        <div className="fields">
          <TextInput
            className="grow"
            label={t("consumer.grantApp")}
            classNames={{ input: "mono" }}
            value={appId}
            error={missing(appId)}
            onChange={(event) => setAppId(event.currentTarget.value)}
          />
          <TextInput
            className="grow"
            label={t("consumer.grantNamespace")}
            description={t("consumer.grantNamespaceHelp")}
            classNames={{ input: "mono" }}
            value={namespaceName}
            onChange={(event) => setNamespaceName(event.currentTarget.value)}
          />
        </div>
        {namespaceName !== "" && (
          <Choices label={t("consumer.grantEnvs")} all={known} chosen={envs} onChange={setEnvs} />
        )}
        {write.error && <Failure error={write.error} />}
        {write.isSuccess && (
          <>
            <p className="done" role="status">
              {t("consumer.granted", { app: write.variables.appId })}
            </p>
            {consumer.token && <code className="wrap secret">{curl(read, consumer.token)}</code>}
          </>
        )}
        <div className="row end">
          <Button variant="default" onClick={onClose}>
            {t("act.close")}
          </Button>
          <Button type="submit" loading={write.isPending}>
            {t("consumer.grantAct")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ consumer: { appId = "", name }, onClose }: { consumer: Consumer; onClose: () => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const write = useAction(() => deleteConsumer(appId), STALE, onClose);
  return (
    <Confirm
      title={t("consumer.delete", { name: appId })}
      action={t("consumer.deleteAct")}
      danger
      write={write}
      onConfirm={() => typed === appId && write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("consumer.deleteText", { name })}</p>
      <TextInput
        label={t("consumer.typeId", { id: appId })}
        classNames={{ input: "mono" }}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    </Confirm>
  );
}
