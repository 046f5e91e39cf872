// Compares a baseline with other environments or clusters, key by key, and chooses what to promote.
import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { useColumns, type ReadColumn } from "../api/compare";
import { envClusters } from "../api/queries";
import type { OpenEnvClusterDTO } from "../api/bodies";
import { nearest } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { Empty, Failure, Loaded, PageLoading } from "../components/States";
import { isSameTarget, type Target } from "../components/TargetTree";
import { compareColumns, filterGroups } from "../state/compare";
import classes from "./Compare.module.css";
import { CompareResult } from "./CompareResult";
import { CompareToolbar, type CompareSearch } from "./CompareToolbar";

const route = getRouteApi("/in/a/$app/compare");
const NARROW = "(max-width: 767px)";

export function Compare() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const places = useQuery(envClusters(app));
  return (
    <Main title={t("compare.title")} className={classes.page}>
      <Loaded query={places}>{(list) => <Places app={app} places={list} />}</Loaded>
    </Main>
  );
}

function Places({ app, places }: { app: string; places: OpenEnvClusterDTO[] }) {
  const { t } = useTranslation();
  const search = route.useSearch();
  const isNarrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false });
  const all = places.flatMap(({ env, clusters }) => (clusters ?? []).map((cluster) => ({ env, cluster })));
  const base = parseTarget(search.base, places) ?? all[0];
  if (!base || all.length < 2) {
    return (
      <>
        <h1>{t("compare.title")}</h1>
        <Empty title={t("compare.onePlace")} />
      </>
    );
  }
  const named = search.with?.split(",").flatMap((text) => parseTarget(text, places) ?? []);
  const others = (named ?? usual(base, places)).filter((target) => !isSameTarget(target, base));
  return <Comparison app={app} places={places} base={base} against={isNarrow ? others.slice(0, 1) : others} />;
}

interface Props {
  app: string;
  places: OpenEnvClusterDTO[];
  base: Target;
  against: Target[];
}

function Comparison({ app, places, base, against }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const cache = useQueryClient();
  const read = useColumns(app, [base, ...against], search.ns);
  const [first, ...columns] = read;
  const side = search.side ?? "live";
  const groups = useMemo(() => {
    const [first, ...columns] = read;
    return first?.namespaces ? compareColumns(first, columns, side, search.ns) : [];
  }, [read, side, search.ns]);
  const shown = useMemo(
    () => filterGroups(groups, search.f ?? "", search.show === "all"),
    [groups, search.f, search.show],
  );
  const set = (change: Partial<CompareSearch>) =>
    void navigate({ search: (old) => ({ ...old, sel: undefined, ...change }), replace: true });
  const rows = groups.flatMap((group) => group.rows);
  const names = read.flatMap((column) => column.names);
  return (
    <>
      <CompareToolbar
        places={places}
        base={base}
        against={against}
        namespaces={[...new Set(names)].toSorted()}
        search={search}
        onChange={set}
        counts={[rows.filter((row) => row.isDifferent).length, rows.length]}
      />
      {!first || first.isPending ? (
        <PageLoading />
      ) : first.namespaces ? (
        <>
          <Unreadable columns={columns} />
          {/* A new baseline or side has other values, so that nothing is chosen. */}
          <CompareResult
            key={JSON.stringify([base, side])}
            app={app}
            base={first}
            columns={columns}
            side={side}
            groups={shown}
            total={rows.length}
            onShowAll={() => set({ show: "all", f: undefined })}
          />
        </>
      ) : (
        <Failure
          error={first.error}
          onRetry={() => void cache.invalidateQueries({ queryKey: ["list", app, base.env, base.cluster] })}
        />
      )}
    </>
  );
}

/** Offline environments are hatched columns; other failures are described. */
function Unreadable({ columns }: { columns: ReadColumn[] }) {
  const failed = columns.filter(({ error, isOffline }) => error && !isOffline);
  return failed.map(({ env, cluster, error }) => <Failure key={`${env}/${cluster}`} error={error} />);
}

/** `ENV:cluster`, or `ENV` for its default cluster. */
function parseTarget(text: string | undefined, places: OpenEnvClusterDTO[]): Target | undefined {
  const [env = "", cluster = "default"] = (text ?? "").split(":");
  const place = places.find((known) => known.env === env);
  return place && { env, cluster: place.clusters?.length ? nearest(place.clusters, cluster) : cluster };
}

/** The same cluster of the other environments; in the only environment, the other clusters. */
function usual(base: Target, places: OpenEnvClusterDTO[]): Target[] {
  const others = places.filter(({ env }) => env !== base.env);
  if (others.length > 0) {
    return others.map(({ env, clusters }) => ({ env, cluster: nearest(clusters ?? [base.cluster], base.cluster) }));
  }
  const clusters = places.find(({ env }) => env === base.env)?.clusters ?? [];
  return clusters.map((cluster) => ({ env: base.env, cluster }));
}
