// What was deleted of an app lately: namespaces and clusters, each with its restoration.
import { IconRestore } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { DeletedObject } from "../api/bodies";
import { deletedOf, restore, RESTORE_DAYS } from "../api/deleted";
import { useAppAdmin, useRoot } from "../api/rights";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { EnvName } from "../components/EnvSwitch";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { toast } from "../components/toast";
import type { SectionProps } from "./SettingsGeneral";

export function SettingsDeleted({ app }: SectionProps) {
  const { t } = useTranslation();
  const isAdmin = useAppAdmin(app);
  if (isAdmin === undefined) return null;
  if (!isAdmin) return <Empty title={t("settings.adminOnly")} />;
  return <List app={app} />;
}

function List({ app }: { app: string }) {
  const { t } = useTranslation();
  const isRoot = useRoot();
  const list = useQuery(deletedOf(app));
  const [restoring, setRestoring] = useState<DeletedObject | null>(null);
  return (
    <>
      <p className="note">{t("settings.deleted.about", { count: RESTORE_DAYS })}</p>
      <Loaded query={list}>
        {({ objects, unreachableEnvs }) => (
          <>
            {unreachableEnvs.length > 0 && (
              <p role="status">{t("settings.deleted.unreachable", { envs: unreachableEnvs.join(", ") })}</p>
            )}
            {objects.length === 0 ? (
              <Empty title={t("settings.deleted.none")} />
            ) : (
              <DataTable
                label={t("settings.deleted.title")}
                rows={objects}
                rowKey={keyOf}
                columns={[
                  { name: t("settings.deleted.what"), cell: (one) => <What one={one} /> },
                  { name: t("settings.deleted.where"), cell: (one) => <Where one={one} /> },
                  { name: t("settings.deleted.by"), cell: (one) => one.deletedByDisplayName ?? one.deletedBy },
                  { name: t("settings.deleted.when"), isNarrow: true, cell: (one) => <Since time={one.deletedTime} /> },
                ]}
                actions={(one) => [
                  {
                    label: t("settings.deleted.restoreOf", { name: nameOf(one) }),
                    icon: IconRestore,
                    why: one.kind === "cluster" && isRoot === false && t("settings.deleted.rootOnly"),
                    onClick: () => setRestoring(one),
                  },
                ]}
              />
            )}
          </>
        )}
      </Loaded>
      {restoring && <Restore app={app} one={restoring} onClose={() => setRestoring(null)} />}
    </>
  );
}

function keyOf({ kind, env = "", clusterName = "", namespaceName = "", deletedTime = "" }: DeletedObject) {
  return [kind, env, clusterName, namespaceName, deletedTime].join("\n");
}

function nameOf({ kind, clusterName, namespaceName }: DeletedObject) {
  return (kind === "cluster" ? clusterName : namespaceName) ?? "";
}

function What({ one }: { one: DeletedObject }) {
  const { t } = useTranslation();
  return (
    <>
      {t(`settings.deleted.kind.${one.kind}`)} <span className="mono wrap">{nameOf(one)}</span>
    </>
  );
}

function Where({ one: { kind, env, clusterName } }: { one: DeletedObject }) {
  const { t } = useTranslation();
  if (!env) return t("access.allEnvs");
  return (
    <>
      <EnvName env={env} /> {kind === "namespace" && <span className="mono">{clusterName}</span>}
    </>
  );
}

function Restore({ app, one, onClose }: { app: string; one: DeletedObject; onClose: () => void }) {
  const { t } = useTranslation();
  const name = nameOf(one);
  const write = useAction(
    () => restore(app, one),
    [
      ["app", app],
      ["list", app],
    ],
    () => {
      void toast(t("settings.deleted.restored", { name }));
      onClose();
    },
  );
  return (
    <Confirm
      title={t("settings.deleted.restore")}
      action={t("settings.deleted.restoreOf", { name })}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t(`settings.deleted.text.${one.kind}`, { name })}</p>
    </Confirm>
  );
}
