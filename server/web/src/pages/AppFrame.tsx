// Frame of every page of one app: its sections at the left, environment and cluster at the right.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useMatchRoute, useParams, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { appDetail, envClusters, type Place } from "../api/queries";
import type { OpenEnvClusterDTO } from "../api/bodies";
import { useEvents } from "../api/events";
import { noteOpened } from "../api/recent";
import { prefix } from "../api/client";
import { useAppCommands } from "../components/appCommands";
import { EnvSwitch, nearest } from "../components/EnvSwitch";
import { NamespaceSelect } from "../components/NamespaceSelect";
import { useShortcuts } from "../state/keys";
import classes from "./AppFrame.module.css";

const route = getRouteApi("/in/a/$app");

export function AppFrame() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { env, cluster, ns, section } = useParams({ strict: false });
  const navigate = route.useNavigate();
  const places = useQuery(envClusters(app)).data ?? [];
  useNoteOpened(app);
  useEvents(app);
  useCommandKeys();
  const first = env !== undefined && cluster !== undefined ? { env, cluster } : firstPlace(places);
  const isGray = useMatchRoute()({ to: "/a/$app/c/$env/$cluster/$ns/gray" }) !== false;
  // The view of another environment stays open, but not the step of a gray release.
  const open = (env: string, cluster: string) =>
    ns === undefined
      ? void navigate({ to: "/a/$app/c/$env/$cluster", params: { app, env, cluster } })
      : openNamespace({ app, env, cluster, ns }, true);
  const openNamespace = (params: Place, search: true | Record<string, never>) =>
    isGray
      ? void navigate({ to: "/a/$app/c/$env/$cluster/$ns/gray", params, search: {} })
      : void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params, search });
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
          {/* With the open namespace, as in the palette. */}
          <Link to="/a/$app/compare" params={{ app }} search={{ ns }} activeOptions={{ includeSearch: false }}>
            {t("app.compare")}
          </Link>
          <Link
            to="/a/$app/history"
            params={{ app }}
            search={ns === undefined ? {} : { env, cluster, ns }}
            activeOptions={{ includeSearch: false }}
          >
            {t("app.history")}
          </Link>
          <Link to="/a/$app/access" params={{ app }} search={{ ns }} activeOptions={{ includeSearch: false }}>
            {t("app.access")}
          </Link>
          <Link to="/a/$app/settings/$section" params={{ app, section: section ?? "general" }}>
            {t("app.settings")}
          </Link>
        </nav>
        {env !== undefined && cluster !== undefined && (
          <section className={classes.place} aria-label={t("env.environmentAndCluster")}>
            <EnvSwitch places={places} env={env} cluster={cluster} onChange={open} />
            {ns !== undefined && (
              <NamespaceSelect
                place={{ app, env, cluster, ns }}
                onOpen={(ns) => openNamespace({ app, env, cluster, ns }, {})}
              />
            )}
          </section>
        )}
      </div>
      <Outlet />
    </>
  );
}

/** Once for each app that is opened, and exists. */
function useNoteOpened(app: string): void {
  const cache = useQueryClient();
  const { data } = useQuery(appDetail(app));
  const opened = data?.appId;
  useEffect(() => {
    const detail = opened && cache.getQueryData(appDetail(opened).queryKey);
    if (detail) void noteOpened(cache, detail);
  }, [opened, cache]);
}

/** The keys that the palette shows beside its commands. */
function useCommandKeys(): void {
  const router = useRouter();
  const commands = useAppCommands();
  useShortcuts(
    Object.fromEntries(
      commands.flatMap(({ keys, to }) => (keys ? [[keys, () => void router.navigate({ href: prefix + to })]] : [])),
    ),
  );
}

function firstPlace(places: OpenEnvClusterDTO[]) {
  const place = places.find(({ clusters }) => clusters?.length);
  return place && { env: place.env, cluster: nearest(place.clusters ?? [], "default") };
}
