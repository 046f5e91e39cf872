// Third-party apps that call OpenAPI v1 with a token of their own: registration, changes, grants, new
// tokens, deletion.
import { Button, TextInput } from "@mantine/core";
import { IconChartBar, IconKey, IconPencil, IconPlus, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { consumers, deleteConsumer } from "../api/admin";
import { consumerCalls } from "../api/calls";
import type { Consumer } from "../api/schema";
import { Calls } from "../components/Calls";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { Main } from "../components/Main";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { EditConsumer } from "./EditConsumer";
import { GrantConsumer } from "./GrantConsumer";
import { NewConsumer } from "./NewConsumer";
import { RotateConsumer } from "./RotateConsumer";

type Act = { kind: "new" } | { kind: "grant" | "edit" | "rotate" | "calls" | "delete"; consumer: Consumer };
const STALE = [consumers.queryKey];

export function AdminConsumers() {
  const { t } = useTranslation();
  const list = useQuery(consumers);
  const [act, setAct] = useState<Act | null>(null);
  const onClose = () => setAct(null);
  const onReload = (seen: Consumer) => {
    const consumer = list.data?.find(({ consumerId }) => consumerId === seen.consumerId);
    setAct(consumer ? { kind: "edit", consumer } : null);
  };
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
                {
                  name: t("token.used"),
                  cell: ({ lastUsedTime }) =>
                    lastUsedTime ? <Since time={lastUsedTime} /> : <span className="note">{t("token.never")}</span>,
                },
              ]}
              actions={(consumer) => [
                {
                  label: t("consumer.grant", { name: consumer.appId }),
                  icon: IconKey,
                  onClick: () => setAct({ kind: "grant", consumer }),
                },
                {
                  label: t("consumer.edit", { name: consumer.appId }),
                  icon: IconPencil,
                  onClick: () => setAct({ kind: "edit", consumer }),
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
      {act?.kind === "grant" && <GrantConsumer consumer={act.consumer} stale={STALE} onClose={onClose} />}
      {act?.kind === "edit" && (
        <EditConsumer
          key={act.consumer.revision}
          consumer={act.consumer}
          stale={STALE}
          onReload={() => onReload(act.consumer)}
          onClose={onClose}
        />
      )}
      {act?.kind === "rotate" && <RotateConsumer consumer={act.consumer} stale={STALE} onClose={onClose} />}
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

function Delete({ consumer, onClose }: { consumer: Consumer; onClose: () => void }) {
  const { t } = useTranslation();
  const { appId = "", name } = consumer;
  const [typed, setTyped] = useState("");
  const write = useAction(() => deleteConsumer(consumer), STALE, onClose);
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
