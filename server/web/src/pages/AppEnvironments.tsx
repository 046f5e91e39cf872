// The environments of an app with their clusters. One that does not answer shows the reason, one
// that lacks the app can get it.
import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenEnvClusterDTO } from "../api/bodies";
import { addToEnv, missingEnvs, unpublishedClusters } from "../api/presence";
import { appDetail, envClusters } from "../api/queries";
import { EnvName } from "../components/EnvSwitch";
import { StateChip } from "../components/StateChip";
import { Empty, Failure } from "../components/States";
import classes from "./App.module.css";

export function AppEnvironments({ app, places }: { app: string; places: OpenEnvClusterDTO[] }) {
  const { t } = useTranslation();
  const isComplete = places.every(({ clusters }) => clusters?.length);
  const missing = useQuery({ ...missingEnvs(app), enabled: !isComplete }).data ?? [];
  const unpublished = useQuery(unpublishedClusters(app)).data ?? {};
  if (places.length === 0) return <Empty title={t("app.noEnvironment")} />;
  return (
    <ul className={`sheet ${classes.rows}`}>
      {places.map((place) => {
        const { env, clusters = [] } = place;
        const isAbsent = clusters.length === 0;
        return (
          <li key={env} data-offline={isAbsent}>
            <span className={classes.env}>
              <EnvName env={env} />
            </span>
            {isAbsent &&
              (missing.includes(env) ? <Missing app={app} env={env} /> : <Offline app={app} place={place} />)}
            <span className={classes.links}>
              {clusters.map((cluster) => (
                <span key={cluster} className="row tight">
                  <Link to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }}>
                    {cluster}
                  </Link>
                  {unpublished[env]?.[cluster] === true && <StateChip state="unpublished" />}
                </span>
              ))}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Offline({ app, place }: { app: string; place: OpenEnvClusterDTO }) {
  const { t } = useTranslation();
  const query = useQuery(envClusters(app));
  return (
    <>
      <span className={classes.reason}>
        <StateChip state="offline" /> {t("app.offline")}
        {place.error && <span className="note wrap">{place.error}</span>}
      </span>
      <Button variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>
        {t("app.checkNow")}
      </Button>
    </>
  );
}

function Missing({ app, env }: { app: string; env: string }) {
  const { t } = useTranslation();
  const detail = useQuery(appDetail(app)).data;
  const cache = useQueryClient();
  const write = useMutation({
    mutationFn: addToEnv,
    onSettled: () => cache.invalidateQueries({ queryKey: ["app", app] }),
  });
  return (
    <>
      <span className={classes.reason}>{t("app.missing", { env })}</span>
      {detail && (
        <Button variant="default" loading={write.isPending} onClick={() => write.mutate({ app: detail, env })}>
          {t("app.addTo", { env })}
        </Button>
      )}
      {write.error && <Failure error={write.error} />}
    </>
  );
}
