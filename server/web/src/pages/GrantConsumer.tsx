// Dialog that grants a third-party app access, and lists what it may do. Also shown after a
// registration, with the token that is known only then.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import type { QueryKey } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { consumerRoles, GRANT_OPERATIONS, GRANT_TYPES, grantToConsumer, type ConsumerGrant } from "../api/admin";
import { useBoot } from "../api/queries";
import type { Consumer } from "../api/schema";
import { Choices } from "../components/Choices";
import { Dialog } from "../components/Dialog";
import { ShownOnce } from "../components/ShownOnce";
import { Failure } from "../components/States";
import { curl } from "../text/command";
import { ConsumerRoles } from "./ConsumerRoles";

type Form = Omit<ConsumerGrant, "token">;
const EMPTY: Form = { type: "AppRole", appId: "", name: "", envs: [], operations: [] };

interface Props {
  consumer: Consumer;
  stale: QueryKey[];
  onClose: () => void;
}

export function GrantConsumer({ consumer, stale, onClose }: Props) {
  const { t } = useTranslation();
  const { envs: known } = useBoot();
  const [form, setForm] = useState(EMPTY);
  const [isChecked, setIsChecked] = useState(false);
  const change = (part: Partial<Form>) => setForm({ ...form, ...part });
  const write = useAction(grantToConsumer, [...stale, consumerRoles(consumer.appId ?? "").queryKey]);
  const { type, envs, operations } = form;
  const appId = form.appId.trim();
  const name = form.name.trim();
  const isCluster = type === "ClusterRole";
  const lacksEnv = isCluster && envs.length === 0;
  const missing = (text: string) => isChecked && text === "" && t("check.required");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (appId === "" || (type !== "AppRole" && name === "") || lacksEnv) return;
    // The id stands for the token, which is known only after the registration.
    const token = consumer.token ?? consumer.appId ?? "";
    write.mutate({ token, type, appId, name, envs, operations });
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
          <NativeSelect
            label={t("consumer.grantOn")}
            value={type}
            data={GRANT_TYPES.map((value) => ({ value, label: t(`consumer.on.${value}`) }))}
            onChange={(event) => change({ type: event.currentTarget.value as Form["type"] })}
          />
          <TextInput
            className="grow"
            label={t("consumer.grantApp")}
            classNames={{ input: "mono" }}
            value={form.appId}
            error={missing(appId)}
            onChange={(event) => change({ appId: event.currentTarget.value })}
          />
          {type !== "AppRole" && (
            <TextInput
              className="grow"
              label={t(isCluster ? "consumer.grantCluster" : "consumer.grantNamespace")}
              classNames={{ input: "mono" }}
              value={form.name}
              error={missing(name)}
              onChange={(event) => change({ name: event.currentTarget.value })}
            />
          )}
        </div>
        {type !== "AppRole" && (
          <Choices
            label={t(isCluster ? "consumer.grantClusterEnvs" : "consumer.grantEnvs")}
            all={known}
            chosen={envs}
            onChange={(chosen) => change({ envs: chosen })}
          />
        )}
        {isChecked && lacksEnv && (
          <p className="note" role="alert">
            {t("consumer.needsEnv")}
          </p>
        )}
        <Choices
          label={t("consumer.grantOperations", { all: t(`consumer.allOperations.${type}`) })}
          all={GRANT_OPERATIONS}
          text={(operation) => t(`consumer.operations.${operation as (typeof GRANT_OPERATIONS)[number]}`)}
          chosen={operations}
          onChange={(chosen) => change({ operations: chosen })}
        />
        {write.error && <Failure error={write.error} />}
        {write.isSuccess && <Granted grant={write.variables} token={consumer.token} env={known[0]} />}
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

interface GrantedProps {
  grant: ConsumerGrant;
  /** Known after a registration only. */
  token: string | undefined;
  env: string | undefined;
}

function Granted({ grant, token, env = "DEV" }: GrantedProps) {
  const { t } = useTranslation();
  const { type, appId, name, envs } = grant;
  const cluster = type === "ClusterRole" ? name : "default";
  const namespace = type === "NamespaceRole" ? name : "application";
  const read = `envs/${envs[0] ?? env}/apps/${appId}/clusters/${cluster}/namespaces/${namespace}`;
  return (
    <>
      <p className="done" role="status">
        {t("consumer.granted", { app: appId })}
      </p>
      {token && <code className="wrap secret">{curl(read, token)}</code>}
    </>
  );
}
