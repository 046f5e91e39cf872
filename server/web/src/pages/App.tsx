// Overview of one app: where it runs (environments and their clusters), and which namespaces it defines.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { isUnknown } from "../api/errors";
import { appDetail, appNamespaces, envClusters } from "../api/queries";
import type { OpenAppNamespaceDTO, OpenEnvClusterDTO } from "../api/bodies";
import { EnvName, nearest } from "../parts/EnvSwitch";
import { Main } from "../parts/Main";
import { StateChip } from "../parts/StateChip";
import { Empty, Loaded } from "../parts/States";
import classes from "./App.module.css";

const route = getRouteApi("/in/a/$app/");

export function App() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const detail = useQuery(appDetail(app));
  const clusters = useQuery(envClusters(app));
  const namespaces = useQuery(appNamespaces(app));
  const first = clusters.data?.find((place) => place.clusters?.length);
  if (isUnknown(detail.error)) return <Unknown app={app} />;
  return (
    <Main title={app}>
      <h1>{detail.data?.name ?? app}</h1>
      <Loaded query={detail}>
        {(found) => (
          <p className="note">
            <span className="mono">{app}</span>
            {found?.orgName && `, ${found.orgName}`}
            {found?.ownerName && `, ${t("app.owner", { name: found.ownerDisplayName ?? found.ownerName })}`}
          </p>
        )}
      </Loaded>
      {/* Without the app, the other parts could only fail as well. */}
      {!detail.isError && (
        <>
          <section className="stack" aria-labelledby="environments">
            <h2 id="environments">{t("app.environments")}</h2>
            <Loaded query={clusters}>{(places) => <Places app={app} places={places} />}</Loaded>
          </section>
          <section className="stack" aria-labelledby="namespaces">
            <h2 id="namespaces">{t("app.namespaces")}</h2>
            <Loaded query={namespaces}>{(list) => <NamespaceRows app={app} list={list} first={first} />}</Loaded>
          </section>
        </>
      )}
    </Main>
  );
}

function Unknown({ app }: { app: string }) {
  const { t } = useTranslation();
  return (
    <Main title={app}>
      <h1>{app}</h1>
      <Empty title={t("app.unknown")}>
        <Button renderRoot={(props) => <Link {...props} to="/new" />}>{t("newApp.create")}</Button>
      </Empty>
    </Main>
  );
}

function Places({ app, places }: { app: string; places: OpenEnvClusterDTO[] }) {
  const { t } = useTranslation();
  if (places.length === 0) return <Empty title={t("app.noEnvironment")} />;
  return (
    <ul className={classes.rows}>
      {places.map(({ env, clusters = [], error }) => (
        <li key={env} data-offline={clusters.length === 0}>
          <span className={classes.env}>
            <EnvName env={env} />
          </span>
          {clusters.length === 0 && (
            <span>
              <StateChip state="offline" /> {error ?? t("app.offline")}
            </span>
          )}
          <span className={classes.links}>
            {clusters.map((cluster) => (
              <Link key={cluster} to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }}>
                {cluster}
              </Link>
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}

interface NamespaceRowsProps {
  app: string;
  list: OpenAppNamespaceDTO[];
  first: OpenEnvClusterDTO | undefined;
}

function NamespaceRows({ app, list, first }: NamespaceRowsProps) {
  const { t } = useTranslation();
  if (list.length === 0) return <Empty title={t("namespace.none")} />;
  const place = first && { env: first.env, cluster: nearest(first.clusters ?? [], "default") };
  return (
    <ul className={classes.rows}>
      {list.map(({ name, format = "properties", isPublic, comment }) => (
        <li key={name}>
          <span className={classes.name}>
            {place ? (
              <Link to="/a/$app/c/$env/$cluster/$ns" params={{ app, ...place, ns: name }}>
                {name}
              </Link>
            ) : (
              name
            )}
          </span>
          <span className="row tight">
            <span className="badge">{format}</span>
            <span className="badge">{t(isPublic ? "namespace.public" : "namespace.private")}</span>
          </span>
          <span className="note">{comment}</span>
        </li>
      ))}
    </ul>
  );
}
