// Overview of one app: what needs attention, where it runs (environments and their clusters), and
// which namespaces it defines.
import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenAppNamespaceDTO, OpenEnvClusterDTO } from "../api/bodies";
import { isUnknown } from "../api/errors";
import { appDetail, appNamespaces, envClusters } from "../api/queries";
import { useMayCreate } from "../api/rights";
import { nearest } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { PinButton, usePins } from "../components/PinButton";
import { Empty, Loaded } from "../components/States";
import { useShortcuts } from "../state/keys";
import { inNameOrder } from "../state/namespaces";
import { AddCluster } from "./AddCluster";
import classes from "./App.module.css";
import { AppEnvironments } from "./AppEnvironments";
import { CreatedIn } from "./CreatedIn";
import { FirstSteps } from "./FirstSteps";

/** An app with more of them has the list in its configuration, where it can be filtered. */
const NAMESPACES_SHOWN = 30;

const route = getRouteApi("/in/a/$app/");

export function App() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { created, add } = route.useSearch();
  const navigate = route.useNavigate();
  const detail = useQuery(appDetail(app));
  const clusters = useQuery(envClusters(app));
  const namespaces = useQuery(appNamespaces(app));
  const first = firstPlace(clusters.data ?? []);
  const open = (place: OpenEnvClusterDTO | undefined) => {
    if (!place?.clusters?.length) return;
    const cluster = nearest(place.clusters, "default");
    void navigate({ to: "/a/$app/c/$env/$cluster", params: { app, env: place.env, cluster } });
  };
  useShortcuts(Object.fromEntries((clusters.data ?? []).map((place, index) => [String(index + 1), () => open(place)])));
  const pins = usePins();
  const mayCreate = useMayCreate("Namespace", app) === true;
  const mayAddCluster = useMayCreate("Cluster", app) === true;
  if (isUnknown(detail.error)) return <Unknown app={app} />;
  return (
    <Main title={app}>
      <div>
        <div className="row tight">
          <h1>{detail.data?.name ?? app}</h1>
          <PinButton app={app} name={detail.data?.name ?? app} pins={pins} />
        </div>
        <Loaded query={detail}>
          {(found) => (
            <p className="note">
              <span className="mono">{app}</span>
              {found?.orgName && `, ${found.orgName}`}
              {found?.ownerName && `, ${t("app.owner", { name: found.ownerDisplayName ?? found.ownerName })}`}
            </p>
          )}
        </Loaded>
      </div>
      {created && detail.data && <CreatedIn app={detail.data} />}
      {/* Without the app, the other parts could only fail as well. */}
      {!detail.isError && (
        <>
          <section className="stack" aria-labelledby="environments">
            <div className="row">
              <h2 id="environments">{t("app.environments")}</h2>
              {mayAddCluster && <AddButton app={app} search={{ add: "cluster" }} text={t("settings.clusters.add")} />}
            </div>
            <Loaded query={clusters}>{(places) => <AppEnvironments app={app} places={places} />}</Loaded>
          </section>
          {namespaces.data?.length === 1 && first && <FirstSteps app={app} {...first} />}
          <section className="stack" aria-labelledby="namespaces">
            <div className="row">
              <h2 id="namespaces">{t("app.namespaces")}</h2>
              {mayCreate && <AddButton app={app} text={t("newNamespace.title")} />}
            </div>
            <Loaded query={namespaces}>{(list) => <NamespaceRows app={app} list={list} first={first} />}</Loaded>
          </section>
          {add && mayAddCluster && clusters.data && (
            <AddCluster
              app={app}
              places={clusters.data}
              onClose={() => void navigate({ search: { created }, replace: true })}
            />
          )}
        </>
      )}
    </Main>
  );
}

/** Opens the dialog of a new cluster, or the page of a new namespace. */
function AddButton({ app, search, text }: { app: string; search?: { add: "cluster" }; text: string }) {
  return (
    <Button
      className="push"
      variant="default"
      leftSection={<IconPlus size={16} stroke={1.8} />}
      renderRoot={(props) =>
        search ? (
          <Link {...props} to="/a/$app" params={{ app }} search={search} />
        ) : (
          <Link {...props} to="/a/$app/new-namespace" params={{ app }} />
        )
      }
    >
      {text}
    </Button>
  );
}

type First = { env: string; cluster: string } | undefined;

function firstPlace(places: OpenEnvClusterDTO[]): First {
  const place = places.find(({ clusters }) => clusters?.length);
  return place && { env: place.env, cluster: nearest(place.clusters ?? [], "default") };
}

function Unknown({ app }: { app: string }) {
  const { t } = useTranslation();
  return (
    <Main title={app}>
      <h1>{app}</h1>
      <Empty title={t("app.unknown")}>
        <Button renderRoot={(props) => <Link {...props} to="/new" search={{ app }} />}>{t("newApp.create")}</Button>
      </Empty>
    </Main>
  );
}

function NamespaceRows({ app, list, first }: { app: string; list: OpenAppNamespaceDTO[]; first: First }) {
  const { t } = useTranslation();
  if (list.length === 0) return <Empty title={t("namespace.none")} />;
  return (
    <>
      <ul className={`sheet ${classes.rows}`}>
        {inNameOrder(list)
          .slice(0, NAMESPACES_SHOWN)
          .map(({ name, format = "properties", isPublic, comment }) => (
            <li key={name}>
              <span className={classes.name}>
                {first ? (
                  <Link to="/a/$app/c/$env/$cluster/$ns" params={{ app, ...first, ns: name }}>
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
      {list.length > NAMESPACES_SHOWN && first && (
        <Link to="/a/$app/c/$env/$cluster" params={{ app, ...first }}>
          {t("app.allNamespaces", { count: list.length })}
        </Link>
      )}
    </>
  );
}
