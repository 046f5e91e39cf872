// Access tokens with their scope, end and last use; and the actions on them.
import { IconBan, IconChartBar, IconRefresh, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenUserTokenNamespaceScope, OpenUserTokenSummary } from "../api/schema";
import { deleteToken, revokeToken, STALE_TOKENS } from "../api/tokens";
import { tokenCalls } from "../api/calls";
import { Calls } from "./Calls";
import { Confirm } from "./Confirm";
import { DataTable } from "./DataTable";
import { Since } from "./Since";

interface Props {
  tokens: OpenUserTokenSummary[];
  /** Own tokens can be rotated; those of others show their owner. */
  onRotate?: (token: OpenUserTokenSummary) => void;
}

type Asked = { kind: "revoke" | "delete" | "calls"; token: OpenUserTokenSummary };

export function TokenTable({ tokens, onRotate }: Props) {
  const { t } = useTranslation();
  const [asked, setAsked] = useState<Asked | null>(null);
  const isOwn = onRotate !== undefined;
  const owner = { name: t("token.owner"), cell: (token: OpenUserTokenSummary) => token.userId };
  return (
    <>
      <DataTable
        label={t("token.title")}
        rows={tokens}
        rowKey={({ id = 0 }) => id}
        columns={[
          { name: t("token.name"), cell: ({ name }) => <b>{name}</b> },
          ...(isOwn ? [] : [owner]),
          { name: t("token.prefix"), cell: ({ tokenPrefix }) => <span className="mono">{tokenPrefix}…</span> },
          { name: t("token.scope"), cell: (token) => <Scope token={token} /> },
          { name: t("token.expires"), cell: ({ expires }) => <Day time={expires} /> },
          { name: t("token.used"), cell: (token) => <LastUse token={token} /> },
          { name: t("item.state"), cell: ({ status }) => <Status status={status} /> },
        ]}
        actions={(token) => {
          const { name = "", status } = token;
          const remove = {
            label: t("token.delete", { name }),
            icon: IconTrash,
            onClick: () => setAsked({ kind: "delete", token }),
          };
          const calls = {
            label: t("calls.of", { name }),
            icon: IconChartBar,
            onClick: () => setAsked({ kind: "calls", token }),
          };
          if (status !== "active") return [calls, remove];
          const revoke = {
            label: t("token.revoke", { name }),
            icon: IconBan,
            onClick: () => setAsked({ kind: "revoke", token }),
          };
          const rotate = { label: t("token.rotate", { name }), icon: IconRefresh, onClick: () => onRotate?.(token) };
          return isOwn ? [calls, rotate, revoke, remove] : [calls, revoke, remove];
        }}
      />
      {asked?.kind === "calls" && (
        <Calls
          title={t("calls.of", { name: asked.token.name })}
          query={tokenCalls(asked.token.id ?? 0, isOwn)}
          onClose={() => setAsked(null)}
        />
      )}
      {asked && asked.kind !== "calls" && (
        <Ask kind={asked.kind} token={asked.token} isOwn={isOwn} onClose={() => setAsked(null)} />
      )}
    </>
  );
}

interface AskProps {
  kind: "revoke" | "delete";
  token: OpenUserTokenSummary;
  isOwn: boolean;
  onClose: () => void;
}

function Ask({ kind, token, isOwn, onClose }: AskProps) {
  const { t } = useTranslation();
  const { id = 0, name } = token;
  const write = useAction(
    () => (kind === "revoke" ? revokeToken(id, isOwn) : deleteToken(id, isOwn)),
    STALE_TOKENS,
    onClose,
  );
  return (
    <Confirm
      title={t(`token.${kind}`, { name })}
      action={t(`token.${kind}Act`)}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t(`token.${kind}Text`)}</p>
    </Confirm>
  );
}

function Scope({ token }: { token: OpenUserTokenSummary }) {
  const { t } = useTranslation();
  const list = (names: string[] | undefined, all: string) => (names && names.length > 0 ? names.join(", ") : all);
  // Its lists are empty, too.
  if (token.denyAll) {
    return (
      <>
        <span className="mono">{t("token.nothing")}</span>
        <div className="note">{t("token.unreadable")}</div>
      </>
    );
  }
  return (
    <>
      <span className="mono">{list(token.operations, t("token.everything"))}</span>
      <div className="note">
        {list(token.appIds, t("token.allApps"))}; {list(token.envs, t("access.allEnvs"))}
      </div>
      {token.namespaces && token.namespaces.length > 0 && (
        <div className="note">{t("token.namespaces", { names: token.namespaces.map(placeOf).join(", ") })}</div>
      )}
    </>
  );
}

/** The app, environment, cluster and name; `*` is any. */
function placeOf({ appId, env, clusterName, namespaceName }: OpenUserTokenNamespaceScope): string {
  return [appId, env, clusterName, namespaceName].map((name) => name || "*").join("/");
}

function Day({ time }: { time: string | undefined }) {
  const { i18n } = useTranslation();
  if (time === undefined) return null;
  const at = new Date(time);
  return (
    <time dateTime={time} title={at.toString()}>
      {at.toLocaleDateString(i18n.language, { year: "numeric", month: "short", day: "numeric" })}
    </time>
  );
}

function LastUse({ token }: { token: OpenUserTokenSummary }) {
  const { t } = useTranslation();
  if (!token.lastUsedTime) return <span className="note">{t("token.never")}</span>;
  return (
    <>
      <Since time={token.lastUsedTime} /> <span className="note">{token.lastUsedIp}</span>
    </>
  );
}

function Status({ status }: { status: string | undefined }) {
  const { t } = useTranslation();
  const known = status === "active" || status === "expired" || status === "revoked" ? status : "active";
  return (
    <span className="chip" data-state={known === "active" ? "live" : "offline"}>
      {t(`token.status.${known}`)}
    </span>
  );
}
