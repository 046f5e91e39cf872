// What else is unpublished in the app, to publish it together: other namespaces of the reviewed
// clusters at once, those of other clusters on demand.
import { Button } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { envClusters, namespaceCounts, type Place } from "../api/queries";
import { isSameTarget, type Target } from "../components/TargetTree";
import { publishTarget } from "../routes/address";
import { targetName } from "../state/targets";

/** Clusters whose namespaces are read together; each is one call. */
const MOST = 20;

export function PublishMore({ places }: { places: Place[] }) {
  const { t } = useTranslation();
  const [app = ""] = places.map((place) => place.app);
  const [isAll, setAll] = useState(false);
  const all = useQuery(envClusters(app)).data ?? [];
  const reviewed = places.filter((place, at) => places.findIndex((other) => isSameTarget(place, other)) === at);
  const others = all
    .flatMap(({ env, clusters = [] }) => clusters.map((cluster): Target => ({ env, cluster })))
    .filter((target) => !reviewed.some((other) => isSameTarget(target, other)));
  const read = isAll ? [...reviewed, ...others].slice(0, MOST) : reviewed;
  const lists = useQueries({ queries: read.map(({ env, cluster }) => namespaceCounts(app, env, cluster)) });
  const found = read.flatMap(({ env, cluster }, index) =>
    (lists[index]?.data ?? [])
      .map(({ namespaceName, extendInfo }) => ({
        place: { app, env, cluster, ns: namespaceName },
        count: extendInfo?.itemModifiedCnt ?? 0,
      }))
      .filter(
        ({ place, count }) => count > 0 && !places.some((other) => isSameTarget(place, other) && other.ns === place.ns),
      ),
  );
  const isReading = lists.some(({ isPending }) => isPending);
  const isElsewhere = others.length > 0;
  if (found.length === 0 && !isElsewhere) return null;
  return (
    <section className="stack" aria-label={t("publish.more")}>
      <h2>{t("publish.more")}</h2>
      {found.length > 0 && (
        <ul className="lines">
          {found.map(({ place, count }) => (
            <li key={[place.env, place.cluster, place.ns].join("/")}>
              <Link to="/a/$app/publish" params={{ app }} search={{ t: [...places, place].map(target).join(",") }}>
                {t("publish.add", { name: targetName(place, [...places, place]) })}
              </Link>{" "}
              <span className="note">{t("publish.keys", { count })}</span>
            </li>
          ))}
        </ul>
      )}
      {isAll && !isReading && found.length === 0 && <p className="note">{t("publish.noMore")}</p>}
      {isElsewhere && !(isAll && !isReading) && (
        <div>
          <Button variant="default" size="compact-sm" loading={isAll && isReading} onClick={() => setAll(true)}>
            {t("publish.elsewhere")}
          </Button>
        </div>
      )}
    </section>
  );
}

function target({ env, cluster, ns }: Place): string {
  return publishTarget(env, cluster, ns);
}
