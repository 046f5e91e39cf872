// Preview of a rollback from the live release to an older one: what changes for whom, and what
// happens to the stored items. A rollback of single keys is stored as unpublished changes.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { comparison, release } from "../api/queries";
import { EnvName } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { releaseChange } from "../state/release";
import { RollbackForm } from "./RollbackForm";

const route = getRouteApi("/in/a/$app/rollback/$env/$releaseId");

export function Rollback() {
  const { t } = useTranslation();
  const { env, releaseId } = route.useParams();
  const { to, keys } = route.useSearch();
  const live = Number(releaseId);
  const target = useQuery(release(env, to));
  const changes = useQuery(comparison(env, live, to));
  return (
    <Main title={t("rollback.title")}>
      <div className="row">
        <h1>{t("rollback.title")}</h1>
        <EnvName env={env} />
      </div>
      <Loaded query={target}>
        {(found) => {
          if (!found) return <Empty title={t("rollback.unknown")} />;
          const place = { app: found.appId, env, cluster: found.clusterName, ns: found.namespaceName };
          return (
            <>
              <p>
                {t("rollback.to", { name: place.ns, cluster: place.cluster })} <b className="mono">{found.name}</b>{" "}
                <span className="note">
                  <Since time={found.dataChangeCreatedTime} />
                </span>
              </p>
              <Loaded query={changes}>
                {(list) =>
                  list.length > 0 ? (
                    <RollbackForm
                      place={place}
                      live={live}
                      target={found}
                      changes={list.map(releaseChange)}
                      only={keys?.split("\n")}
                    />
                  ) : (
                    <Empty title={t("rollback.same")}>
                      <Link
                        to="/a/$app/history"
                        params={{ app: place.app }}
                        search={{ env, cluster: place.cluster, ns: place.ns }}
                      >
                        {t("history.back")}
                      </Link>
                    </Empty>
                  )
                }
              </Loaded>
            </>
          );
        }}
      </Loaded>
    </Main>
  );
}
