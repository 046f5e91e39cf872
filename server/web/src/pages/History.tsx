// Timeline of a namespace or of a whole cluster, and the difference that the chosen entry made, or
// that there is between any two releases.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { IconArrowLeft } from "@tabler/icons-react";
import { useQueries, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";

import { commits, releaseHistory, servedRelease } from "../api/history";
import { draft, envClusters, namespaceNames, type Place } from "../api/queries";
import { useRights } from "../api/rights";
import type { OpenEnvClusterDTO } from "../api/bodies";
import { nearest } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { Empty, Failure, Loaded, PageLoading } from "../components/States";
import { useTyped } from "../components/useTyped";
import { KINDS, timeline, type Entry, type Kind, type LiveIds } from "../state/history";
import { AGES, isWithin, type Age } from "../text/format";
import classes from "./History.module.css";
import { HistoryDetail } from "./HistoryDetail";
import { HistoryKeys } from "./HistoryKey";
import { HistoryList } from "./HistoryList";

const route = getRouteApi("/in/a/$app/history");
const PAGE = 20;
const IDLE_MS = 300;
/** Each namespace is three reads; of more than these, one has to be chosen. */
const NAMESPACES_TOGETHER = 8;

export interface HistorySearch {
  env?: string | undefined;
  cluster?: string | undefined;
  ns?: string | undefined;
  key?: string | undefined;
  kind?: Kind | undefined;
  by?: string | undefined;
  within?: Age | undefined;
  /** The chosen entry. */
  at?: string | undefined;
  /** The release that the chosen one is compared with, instead of its predecessor. */
  against?: string | undefined;
}

export function History() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const places = useQuery(envClusters(app));
  return (
    <Main title={t("history.title")} className={`page ${classes.page}`}>
      <Loaded query={places}>{(list) => <Chosen app={app} places={list} />}</Loaded>
    </Main>
  );
}

function Chosen({ app, places }: { app: string; places: OpenEnvClusterDTO[] }) {
  const { t } = useTranslation();
  const search = route.useSearch();
  const online = places.filter(({ clusters }) => clusters?.length);
  const place = places.find(({ env }) => env === search.env) ?? online[0];
  const cluster = nearest(place?.clusters ?? [], search.cluster ?? "default") || (search.cluster ?? "default");
  const list = useQuery({ ...namespaceNames(app, place?.env ?? "", cluster), enabled: place !== undefined });
  if (!place) return <Empty title={t("app.noEnvironment")} />;
  const at = { app, env: place.env, cluster };
  return (
    <>
      <Filters at={at} places={places} namespaces={(list.data ?? []).map(({ namespaceName }) => namespaceName)} />
      <Loaded query={list}>
        {(namespaces) => (
          <Timeline key={`${at.env}/${cluster}`} at={at} names={namespaces.map(({ namespaceName }) => namespaceName)} />
        )}
      </Loaded>
    </>
  );
}

type At = Omit<Place, "ns">;

function Filters({ at, places, namespaces }: { at: At; places: OpenEnvClusterDTO[]; namespaces: string[] }) {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: HistorySearch) =>
    void navigate({ search: (old) => ({ ...old, at: undefined, against: undefined, ...change }), replace: true });
  const options = places.flatMap(({ env, clusters = [] }) =>
    clusters.map((cluster) => ({ value: `${env}:${cluster}`, label: `${env} / ${cluster}` })),
  );
  return (
    <div className="row">
      <h1>{t("history.title")}</h1>
      <NativeSelect
        aria-label={t("env.environmentAndCluster")}
        value={`${at.env}:${at.cluster}`}
        data={options}
        onChange={(event) => {
          const [env, cluster] = event.currentTarget.value.split(":");
          set({ env, cluster });
        }}
      />
      <NativeSelect
        aria-label={t("history.namespace")}
        className={classes.namespace}
        value={search.ns ?? ""}
        data={[
          { value: "", label: t("compare.allNamespaces") },
          ...new Set([...namespaces, search.ns ?? ""].filter(Boolean)),
        ]}
        onChange={(event) => set({ ns: event.currentTarget.value || undefined })}
      />
      <NativeSelect
        aria-label={t("history.kind")}
        value={search.kind ?? ""}
        data={[
          { value: "", label: t("history.allKinds") },
          ...KINDS.map((kind) => ({ value: kind, label: t(`history.kinds.${kind}`) })),
        ]}
        onChange={(event) => set({ kind: KINDS.find((kind) => kind === event.currentTarget.value) })}
      />
      <NativeSelect
        aria-label={t("history.time")}
        value={search.within ?? ""}
        data={[{ value: "", label: t("age.any") }, ...AGES.map((age) => ({ value: age, label: t(`age.${age}`) }))]}
        onChange={(event) => set({ within: AGES.find((age) => age === event.currentTarget.value) })}
      />
      <TextInput
        aria-label={t("history.by")}
        placeholder={t("history.by")}
        {...useTyped(search.by ?? "", (text) => set({ by: text || undefined }))}
      />
      <TextInput
        aria-label={t("history.key")}
        placeholder={t("history.key")}
        {...useTyped(search.key ?? "", (text) => set({ key: text || undefined }))}
      />
    </div>
  );
}

function Timeline({ at, names }: { at: At; names: string[] }) {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const isNarrow = useMediaQuery("(max-width: 1119px)", false, { getInitialValueInEffect: false });
  const [pages, setPages] = useState(1);
  const [now] = useState(() => new Date());
  const chosen = search.ns !== undefined ? [search.ns] : names.slice(0, NAMESPACES_TOGETHER);
  // Each key is read for itself.
  const [key] = useDebouncedValue(search.key, IDLE_MS);
  const places = chosen.map((ns) => ({ ...at, ns }));
  const read = useEntries(places, pages, key);
  useEarly(places, key);
  const { entries, live } = read;
  const isRecent = ({ at }: Entry) => !search.within || isWithin(at, search.within, now);
  const isShown = (entry: Entry) =>
    (!search.kind || entry.kind === search.kind) &&
    (!search.by || entry.by.toLowerCase().includes(search.by.toLowerCase())) &&
    isRecent(entry);
  const shown = entries.filter(isShown);
  const mayHaveMore = read.hasMore && entries.every(isRecent);
  const open = entries.find(({ id }) => id === search.at);
  const choose = (entry: Entry) => void navigate({ search: (old) => ({ ...old, at: entry.id, against: undefined }) });
  const close = () => void navigate({ search: (old) => ({ ...old, at: undefined, against: undefined }) });
  const some = search.ns === undefined && names.length > chosen.length && (
    <p className="note">{t("history.some", { count: chosen.length, total: names.length })}</p>
  );
  if (key !== undefined) {
    return (
      <>
        {read.error && <Failure error={read.error} />}
        {some}
        {read.isPending ? <PageLoading /> : <HistoryKeys {...{ places, entries, live, isShown }} name={key} />}
      </>
    );
  }
  const detail = open && (
    <HistoryDetail
      key={open.id}
      place={{ ...at, ns: open.ns }}
      entries={entries}
      entry={open}
      live={live.get(open.ns) ?? 0}
      against={search.against}
      onCompare={(against) => void navigate({ search: (old) => ({ ...old, against: String(against) }), replace: true })}
    />
  );
  if (isNarrow && detail) {
    return (
      <>
        <div>
          <Button variant="default" leftSection={<IconArrowLeft size={16} />} onClick={close}>
            {t("history.back")}
          </Button>
        </div>
        {detail}
      </>
    );
  }
  return (
    <>
      {read.error && <Failure error={read.error} />}
      {some}
      <div className={classes.columns}>
        <div className="stack">
          {read.isPending && entries.length === 0 && <PageLoading />}
          {!read.isPending && shown.length === 0 && (
            <Empty title={t(entries.length > 0 ? "state.noMatch" : "history.none")} />
          )}
          {shown.length > 0 && (
            <HistoryList
              place={at}
              entries={shown}
              all={entries}
              live={live}
              open={open?.id}
              withNamespace={!search.ns}
              onOpen={choose}
            />
          )}
          {mayHaveMore && (
            <Button variant="default" loading={read.isPending} onClick={() => setPages(pages + 1)}>
              {t("history.older")}
            </Button>
          )}
        </div>
        {!isNarrow && (
          <section className={classes.detail} aria-label={t("history.detail")}>
            {detail ?? <Empty title={t("history.choose")} />}
          </section>
        )}
      </div>
    </>
  );
}

interface Read {
  entries: Entry[];
  live: LiveIds;
  isPending: boolean;
  error: Error | null;
  hasMore: boolean;
}

/** What the entries need is read with them, and not because of them. */
function useEarly(places: Place[], key: string | undefined): void {
  useRights(places);
  useQueries({ queries: key === undefined ? [] : places.map((place) => draft(place)) });
}

/** A read for the served release of each namespace, and two for each page. */
function useEntries(places: Place[], pages: number, key: string | undefined): Read {
  // What is added meanwhile moves entries to later pages, so that all pages are always read again together.
  const each = <Q extends object>(read: (place: Place, size: number, key: string | undefined, page: number) => Q) =>
    Array.from({ length: pages }, (_, page) => page).flatMap((page) =>
      places.map((place) => ({ ...read(place, PAGE, key, page), staleTime: 0 })),
    );
  const published = useQueries({ queries: each(releaseHistory), combine: together });
  const edited = useQueries({ queries: each(commits), combine: together });
  const served = useQueries({ queries: places.map(servedRelease), combine: together });
  const names = places.length;
  return useMemo(() => {
    return {
      entries: timeline(published.rows.flat(), edited.rows.flat()),
      live: new Map(served.rows.flat().map(({ namespaceName, id }) => [namespaceName, id])),
      isPending: published.isPending || edited.isPending || served.isPending,
      error: published.error ?? edited.error ?? served.error,
      hasMore: [published, edited].some(({ rows }) => rows.slice(-names).some(({ length }) => length === PAGE)),
    };
  }, [published, edited, served, names]);
}

function together<Row>(queries: UseQueryResult<Row[]>[]) {
  return {
    rows: queries.map(({ data }) => data ?? []),
    isPending: queries.some(({ isPending }) => isPending),
    error: queries.find(({ error }) => error)?.error ?? null,
  };
}
