// Clusters of an app by environment; a new one can be created in several environments at once.
import { Button } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useMayCreate, useRoot } from "../api/rights";
import { deleteCluster } from "../api/settings";
import { ConfirmName } from "../components/ConfirmName";
import { EnvName } from "../components/EnvSwitch";
import { Filtered } from "../components/Filtered";
import { StateChip } from "../components/StateChip";
import type { Target } from "../components/TargetTree";
import { AddCluster } from "./AddCluster";
import classes from "./AppSettings.module.css";
import type { SectionProps } from "./SettingsGeneral";

const route = getRouteApi("/in/a/$app/settings/$section");

export function SettingsClusters({ app, places }: SectionProps) {
  const { t } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const mayCreate = useMayCreate("Cluster", app);
  const isRoot = useRoot();
  const [adding, setAdding] = useState(false);
  const [deleting, setDeleting] = useState<Target | null>(null);
  const remove = useAction(
    ({ env, cluster }: Target) => deleteCluster(app, env, cluster),
    [["app", app]],
    () => setDeleting(null),
  );
  const ask = (target: Target | null) => {
    // The refusal of an earlier deletion is not shown with this one.
    remove.reset();
    setDeleting(target);
  };
  return (
    <>
      <div className="row">
        <p className="note">{t("settings.clusters.about")}</p>
        {mayCreate && (
          <Button className="push" leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
            {t("settings.clusters.add")}
          </Button>
        )}
      </div>
      <Filtered
        label={t("settings.clusters.filter")}
        all={places.flatMap(({ env, clusters, error }): Row[] =>
          clusters?.length ? clusters.map((cluster) => ({ env, cluster })) : [{ env, cluster: null, error }],
        )}
        textOf={({ env, cluster }) => `${env} / ${cluster ?? ""}`}
        filter={q}
        onFilter={(q) => void navigate({ search: { q }, replace: true })}
      >
        {(rows) => (
          <ul className={`sheet ${classes.rows}`}>
            {rows.map(({ env, cluster, error }) =>
              cluster === null ? (
                <li key={env}>
                  <EnvName env={env} /> <StateChip state="offline" /> <span className="note">{error}</span>
                </li>
              ) : (
                <li key={`${env}/${cluster}`}>
                  <EnvName env={env} />
                  <span className={classes.grow}>
                    <Link to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }}>
                      {cluster}
                    </Link>
                  </span>
                  {isRoot && cluster !== "default" && (
                    <Button
                      variant="default"
                      leftSection={<IconTrash size={16} />}
                      onClick={() => ask({ env, cluster })}
                      aria-label={t("settings.clusters.deleteOf", { env, cluster })}
                    >
                      {t("act.delete")}
                    </Button>
                  )}
                </li>
              ),
            )}
          </ul>
        )}
      </Filtered>
      {adding && <AddCluster app={app} places={places} onClose={() => setAdding(false)} />}
      {deleting && (
        <ConfirmName
          title={t("settings.clusters.delete")}
          action={t("settings.clusters.delete")}
          name={deleting.cluster}
          write={remove}
          onConfirm={() => remove.mutate(deleting)}
          onClose={() => ask(null)}
        >
          <p>{t("settings.clusters.deleteText", { ...deleting })}</p>
        </ConfirmName>
      )}
    </>
  );
}

/** Without a cluster, the environment does not answer. */
interface Row {
  env: string;
  cluster: string | null;
  error?: string | undefined;
}
