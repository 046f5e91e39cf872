// Frame of every page of one app: its sections at the left, environment and cluster at the right.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { envClusters } from "../api/queries";
import type { OpenEnvClusterDTO } from "../api/bodies";
import { EnvSwitch, nearest } from "../parts/EnvSwitch";
import classes from "./AppFrame.module.css";

const route = getRouteApi("/in/a/$app");

export function AppFrame() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { env, cluster, ns } = useParams({ strict: false });
  const navigate = route.useNavigate();
  const places = useQuery(envClusters(app)).data ?? [];
  const first = env !== undefined && cluster !== undefined ? { env, cluster } : firstPlace(places);
  const open = (env: string, cluster: string) =>
    ns === undefined
      ? void navigate({ to: "/a/$app/c/$env/$cluster", params: { app, env, cluster } })
      : void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: { app, env, cluster, ns }, search: true });
  return (
    <>
      <div className={classes.bar}>
        <nav className={`tabs ${classes.tabs}`} aria-label={t("app.sections")}>
          <Link to="/a/$app" params={{ app }} activeOptions={{ exact: true }}>
            {t("app.overview")}
          </Link>
          {first && (
            <Link to="/a/$app/c/$env/$cluster" params={{ app, ...first }}>
              {t("app.configuration")}
            </Link>
          )}
        </nav>
        {env !== undefined && cluster !== undefined && (
          <section className={classes.place} aria-label={t("env.environmentAndCluster")}>
            <EnvSwitch places={places} env={env} cluster={cluster} onChange={open} />
          </section>
        )}
      </div>
      <Outlet />
    </>
  );
}

function firstPlace(places: OpenEnvClusterDTO[]) {
  const place = places.find(({ clusters }) => clusters?.length);
  return place && { env: place.env, cluster: nearest(place.clusters ?? [], "default") };
}
