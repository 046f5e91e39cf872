// Clusters of an app by environment; a new one can be created in several environments at once.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useMayCreate, useRoot } from "../api/rights";
import { createCluster, deleteCluster } from "../api/settings";
import { ConfirmName } from "../parts/ConfirmName";
import { Dialog } from "../parts/Dialog";
import { EnvName } from "../parts/EnvSwitch";
import { Filtered } from "../parts/Filtered";
import { ResultList } from "../parts/ResultList";
import { StateChip } from "../parts/StateChip";
import type { Target } from "../parts/TargetTree";
import { useEach } from "../state/each";
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
          <ul className={classes.rows}>
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
                      onClick={() => setDeleting({ env, cluster })}
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
      {adding && <Add app={app} places={places} onClose={() => setAdding(false)} />}
      {deleting && (
        <ConfirmName
          title={t("settings.clusters.delete")}
          action={t("settings.clusters.delete")}
          name={deleting.cluster}
          write={remove}
          onConfirm={() => remove.mutate(deleting)}
          onClose={() => setDeleting(null)}
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

function Add({ app, places, onClose }: SectionProps & { onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<"required" | "appId" | "noEnv" | null>(null);
  const [envs, setEnvs] = useState(places.filter(({ clusters }) => clusters?.length).map(({ env }) => env));
  const { outcomes, isPending, run, retry } = useEach(
    (env: string) => createCluster(app, env, name.trim()),
    () => void cache.invalidateQueries({ queryKey: ["app", app] }),
  );
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    const text = name.trim();
    const found =
      text === "" ? "required" : /^[0-9a-zA-Z_.-]+$/.test(text) ? (envs.length === 0 ? "noEnv" : null) : "appId";
    setProblem(found);
    if (!found) void run(envs);
  };
  return (
    <Dialog title={t("settings.clusters.add")} onClose={onClose}>
      {outcomes.length > 0 ? (
        <div className="stack">
          <ResultList outcomes={outcomes} name={(env) => env} onRetry={() => void retry()} />
          <div className="row end">
            <Button variant="default" disabled={isPending} onClick={onClose}>
              {t("act.close")}
            </Button>
          </div>
        </div>
      ) : (
        <form className="stack" onSubmit={onSubmit}>
          <TextInput
            label={t("env.cluster")}
            value={name}
            error={problem && t(problem === "noEnv" ? "settings.clusters.noEnv" : `check.${problem}`)}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <fieldset className="stack">
            <legend>{t("app.environments")}</legend>
            {places.map(({ env, clusters }) => (
              <Checkbox
                key={env}
                label={env}
                disabled={!clusters?.length}
                checked={envs.includes(env)}
                onChange={(event) =>
                  setEnvs(event.currentTarget.checked ? [...envs, env] : envs.filter((other) => other !== env))
                }
              />
            ))}
          </fieldset>
          <div className="row end">
            <Button variant="default" onClick={onClose}>
              {t("act.cancel")}
            </Button>
            <Button type="submit">{t("settings.clusters.add")}</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
