// Access keys of an app in one environment: with an enforced key, clients have to sign their
// requests.
import { ActionIcon, Button, NativeSelect, SegmentedControl } from "@mantine/core";
import { IconCopy, IconEye, IconEyeOff, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useAppAdmin } from "../api/rights";
import {
  accessKeys,
  createKey,
  deleteKey,
  KEY_LIMIT,
  KEY_MODES,
  setKeyMode,
  type AccessKey,
  type KeyMode,
} from "../api/settings";
import { Blockable } from "../components/Blockable";
import { Confirm } from "../components/Confirm";
import { ConfirmName } from "../components/ConfirmName";
import { copied } from "../components/copy";
import { Since } from "../components/Since";
import { Empty, Failure, Loaded } from "../components/States";
import classes from "./AppSettings.module.css";
import { KeyObservation } from "./KeyObservation";
import type { SectionProps } from "./SettingsGeneral";

type Act = { key: AccessKey; to: KeyMode | "deleted" };

export function SettingsKeys({ app, places }: SectionProps) {
  const { t } = useTranslation();
  const isAdmin = useAppAdmin(app);
  const envs = places.filter(({ clusters }) => clusters?.length).map(({ env }) => env);
  const [chosen, setChosen] = useState(envs[0]);
  if (isAdmin === false) return <Empty title={t("settings.adminOnly")} />;
  if (chosen === undefined) return <Empty title={t("app.noEnvironment")} />;
  return (
    <>
      <p className="note">{t("settings.keys.about")}</p>
      <div className="row">
        <NativeSelect
          aria-label={t("env.environment")}
          data={envs}
          value={chosen}
          onChange={(event) => setChosen(event.currentTarget.value)}
        />
      </div>
      {isAdmin && <Keys key={chosen} app={app} env={chosen} />}
    </>
  );
}

function Keys({ app, env }: { app: string; env: string }) {
  const { t } = useTranslation();
  const stale = [["app", app, "keys", env]];
  const keys = useQuery(accessKeys(app, env));
  const [act, setAct] = useState<Act | null>(null);
  const [said, setSaid] = useState("");
  const create = useAction(
    () => createKey(app, env),
    stale,
    () => setSaid(t("settings.keys.created")),
  );
  const change = useAction(
    ({ key, to }: Act) => (to === "deleted" ? deleteKey(app, env, key.id) : setKeyMode(app, env, key.id, to)),
    stale,
    (_, { to }) => {
      setAct(null);
      setSaid(t(`settings.keys.did.${to}`, { env }));
    },
  );
  const begin = (next: Act | null) => {
    // The refusal of an earlier action is not shown with this one.
    change.reset();
    setAct(next);
  };
  const count = keys.data?.length ?? 0;
  // Observed keys are not checked then, and one more enforced key rejects nobody.
  const isEnforced = keys.data?.some(({ mode }) => mode === "enforce") ?? false;
  const dialog = act && {
    title: t(`settings.keys.to.${act.to}`),
    action: t(`settings.keys.to.${act.to}`),
    write: change,
    onConfirm: () => change.mutate(act),
    onClose: () => begin(null),
    children: (
      <>
        <p>{t(`settings.keys.consequence.${act.to}`, { env })}</p>
        {act.to === "enforce" && !isEnforced && <KeyObservation app={app} env={env} accessKey={act.key} isOpen />}
      </>
    ),
  };
  return (
    <>
      <div className="row">
        <span className="note">{t("settings.keys.count", { count, limit: KEY_LIMIT })}</span>
        <Blockable why={count >= KEY_LIMIT && t("settings.keys.limit", { limit: KEY_LIMIT })}>
          <Button
            className="push"
            leftSection={<IconPlus size={16} />}
            loading={create.isPending}
            onClick={() => create.mutate(undefined)}
          >
            {t("settings.keys.create")}
          </Button>
        </Blockable>
      </div>
      {create.error && <Failure error={create.error} />}
      <p role="status" className={said ? "note" : "unseen"}>
        {said}
      </p>
      <Loaded query={keys}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={t("settings.keys.none", { env })} />
          ) : (
            <ul className={`sheet ${classes.rows}`}>
              {list.map((key) => (
                <KeyRow key={key.id} app={app} env={env} accessKey={key} isEnforced={isEnforced} onAct={begin} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {dialog && (act.to === "enforce" ? <ConfirmName {...dialog} name={env} /> : <Confirm {...dialog} />)}
    </>
  );
}

interface KeyRowProps {
  app: string;
  env: string;
  accessKey: AccessKey;
  /** Whether any key of the environment is enforced. */
  isEnforced: boolean;
  onAct: (act: Act) => void;
}

function KeyRow({ app, env, accessKey: key, isEnforced, onAct }: KeyRowProps) {
  const { t } = useTranslation();
  return (
    <li>
      <Secret secret={key.secret} />
      <SegmentedControl
        aria-label={t("settings.keys.mode")}
        value={key.mode}
        data={KEY_MODES.map((mode) => ({ value: mode, label: t(`settings.keys.modes.${mode}`) }))}
        onChange={(value) => {
          const to = KEY_MODES.find((mode) => mode === value);
          if (to && to !== key.mode) onAct({ key, to });
        }}
      />
      <span className="note">
        <Since by={key.by} time={key.at} />
      </span>
      <Blockable label={t("settings.keys.to.deleted")} why={key.mode !== "off" && t("settings.keys.deleteOff")}>
        <ActionIcon
          variant="subtle"
          size="lg"
          aria-label={t("settings.keys.to.deleted")}
          onClick={() => onAct({ key, to: "deleted" })}
        >
          <IconTrash size={16} />
        </ActionIcon>
      </Blockable>
      {key.mode === "observe" && !isEnforced && <KeyObservation app={app} env={env} accessKey={key} />}
    </li>
  );
}

/** Masked until it is revealed; can be copied without that. */
function Secret({ secret }: { secret: string }) {
  const { t } = useTranslation();
  const [isShown, setIsShown] = useState(false);
  const [isCopied, setIsCopied] = useState(false);
  return (
    <span className={classes.secret}>
      <code className="mono">{isShown ? secret : "••••••••••••"}</code>
      <ActionIcon
        variant="subtle"
        size="lg"
        aria-label={t(isShown ? "settings.keys.hide" : "settings.keys.reveal")}
        onClick={() => setIsShown(!isShown)}
      >
        {isShown ? <IconEyeOff size={16} /> : <IconEye size={16} />}
      </ActionIcon>
      {/* Without a secure context there is no clipboard; the revealed text can be selected. */}
      {window.isSecureContext && (
        <ActionIcon
          variant="subtle"
          size="lg"
          aria-label={t("settings.keys.copy")}
          onClick={() => void copied(secret).then(setIsCopied)}
        >
          <IconCopy size={16} />
        </ActionIcon>
      )}
      <span role="status" className="note">
        {isCopied && t("settings.keys.copied")}
      </span>
    </span>
  );
}
