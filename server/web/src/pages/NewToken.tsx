// Dialog for a new access token: what it may do, where, and for how long.
import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useBoot } from "../api/queries";
import type { OpenUserTokenCapability, OpenUserTokenSummary } from "../api/schema";
import { createToken, STALE_TOKENS, tokenCapability } from "../api/tokens";
import { Choices } from "../components/Choices";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { Loaded } from "../components/States";
import { checkName } from "../text/check";
import { listOf } from "../text/list";
import { isInRange } from "../text/settings";

const NAME_LENGTH = 64;
const DAY_MS = 86_400_000;
const READ = "config:read";

interface Props {
  onMade: (token: OpenUserTokenSummary | null) => void;
  onClose: () => void;
}

export function NewToken({ onMade, onClose }: Props) {
  const { t } = useTranslation();
  const capability = useQuery(tokenCapability);
  return (
    <Dialog size="lg" title={t("token.new")} onClose={onClose}>
      <Loaded query={capability}>
        {(found) => <Form capability={found ?? {}} onMade={onMade} onClose={onClose} />}
      </Loaded>
    </Dialog>
  );
}

function Form({ capability, onMade, onClose }: Props & { capability: OpenUserTokenCapability }) {
  const { t, i18n } = useTranslation();
  const { envs: known } = useBoot();
  const [name, setName] = useState("");
  const [operations, setOperations] = useState([READ]);
  const [envs, setEnvs] = useState<string[]>([]);
  const [apps, setApps] = useState("");
  const longest = capability.maxExpireDays ?? 365;
  // As typed: a number that is corrected while it is typed becomes another one.
  const [typed, setTyped] = useState(String(Math.min(capability.defaultExpireDays ?? 90, longest)));
  const days = isInRange({ minimum: 1, maximum: longest }, typed) ? Number(typed) : null;
  const [isChecked, setIsChecked] = useState(false);
  const [now] = useState(() => Date.now());
  const write = useAction(
    (expires: Date) =>
      createToken({ name, operations, envs, appIds: listOf(apps), namespaces: [], expires: expires.toISOString() }),
    STALE_TOKENS,
    onMade,
  );
  const expires = days === null ? null : new Date(now + days * DAY_MS);
  const problem = checkName(name, NAME_LENGTH);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setIsChecked(true);
    if (problem) event.currentTarget.querySelector("input")?.focus();
    else if (operations.length > 0 && expires) write.mutate(expires);
  };
  return (
    <form className="stack" noValidate onSubmit={submit}>
      <TextInput
        label={t("token.name")}
        value={name}
        data-autofocus
        error={isChecked && problem && t(`check.${problem}`)}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Choices
        label={t("token.operations")}
        all={capability.operations ?? [READ]}
        chosen={operations}
        onChange={setOperations}
      />
      {operations.length === 0 && (
        <p className="note" role="alert">
          {t("token.chooseOperation")}
        </p>
      )}
      <Choices label={t("token.envs")} all={known} chosen={envs} onChange={setEnvs} />
      <TextInput
        label={t("token.apps")}
        description={t("token.appsHelp")}
        classNames={{ input: "mono" }}
        value={apps}
        onChange={(event) => setApps(event.currentTarget.value)}
      />
      <TextInput
        label={t("token.days")}
        type="number"
        min={1}
        max={longest}
        value={typed}
        error={expires === null && t("token.daysOutside", { longest })}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <p className="note" role="status">
        {expires &&
          t("token.preview", {
            operations: operations.join(", "),
            envs: envs.join(", ") || t("access.allEnvs"),
            apps: listOf(apps).join(", ") || t("token.allApps"),
            day: expires.toLocaleDateString(i18n.language, { dateStyle: "long" }),
          })}
      </p>
      <DialogEnd write={write} action={t("token.create")} onClose={onClose} />
    </form>
  );
}
