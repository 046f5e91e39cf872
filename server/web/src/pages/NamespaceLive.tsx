// The live view of a namespace: which release the clients of each cluster and of the gray release
// are served now, how many instances have it, and its content.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useDeferredValue } from "react";
import { useTranslation } from "react-i18next";

import type { OpenReleaseDTO } from "../api/bodies";
import type { Receipt } from "../api/instances";
import { receivers, useServed, type OtherRelease, type Served } from "../api/live";
import type { Place } from "../api/queries";
import { CodeEditor } from "../components/CodeEditor";
import { DataTable } from "../components/DataTable";
import { FilterField } from "../components/FilterField";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { Empty, Loaded, NoMatch } from "../components/States";
import { VirtualTable, type Column } from "../components/VirtualTable";
import { servedRows, type ServedRow } from "../state/served";
import { containsWords } from "../text/paletteQuery";
import classes from "./Namespace.module.css";

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");

/** `format` is that of the namespace. */
export function NamespaceLive({ place, format }: { place: Place; format: string }) {
  const { t } = useTranslation();
  const { have } = route.useSearch();
  const { query, others } = useServed(place);
  return (
    <Loaded query={query}>
      {(now) => {
        const shown = have === "gray" && now.gray ? now.gray.release : now.live;
        return (
          <>
            <Releases place={place} now={now} others={others} />
            {/* Without a release, the list above states what clients receive. */}
            {shown === null ? null : format === "properties" ? (
              <Values key={shown.id} release={shown} live={now.live} />
            ) : (
              <CodeEditor
                key={shown.id}
                readOnly
                label={t("live.content", { name: shown.name })}
                value={shown.configurations?.content ?? ""}
                format={format}
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

interface Line {
  at: Place;
  kind: "live" | "gray";
  release: OpenReleaseDTO | null;
  /** Of a gray release. */
  audience: string[];
}

/** The releases of this cluster first, then those of the other clusters of the environment. */
function Releases({ place, now: { live, gray }, others }: { place: Place; now: Served; others: OtherRelease[] }) {
  const { t } = useTranslation();
  const audience = (gray?.rules ?? []).flatMap(({ clientIpList = [], clientLabelList = [] }) => [
    ...clientIpList,
    ...clientLabelList,
  ]);
  const lines: Line[] = [
    { at: place, kind: "live", release: live, audience: [] },
    ...(gray ? [{ at: place, kind: "gray" as const, release: gray.release, audience }] : []),
    ...others.map(({ at, release }): Line => ({ at, kind: "live", release, audience: [] })),
  ];
  return (
    <div className={classes.upper}>
      <DataTable
        label={t("live.releases", { env: place.env })}
        rows={lines}
        rowKey={({ at, kind }) => `${kind} ${at.cluster}`}
        columns={[
          { name: t("env.cluster"), isNarrow: true, cell: ({ at }) => at.cluster },
          { name: t("instance.release"), cell: (line) => <Release line={line} /> },
          { name: t("live.published"), cell: ({ release }) => release && <Published release={release} /> },
          { name: t("instance.title"), isNarrow: true, cell: (line) => <Receivers line={line} /> },
        ]}
      />
    </div>
  );
}

function Release({ line: { at, kind, release, audience } }: { line: Line }) {
  const { t } = useTranslation();
  if (!release) return <span className="note">{t(at.cluster === "default" ? "live.never" : "live.inherited")}</span>;
  return (
    <>
      <StateChip state={kind} />{" "}
      <Link
        to="/a/$app/c/$env/$cluster/$ns"
        params={at}
        search={({ q }) => ({ view: "live", q, have: kind === "gray" ? kind : undefined })}
        activeOptions={{ exact: true, includeSearch: true }}
        className="mono"
      >
        {release.name}
      </Link>
      {kind === "gray" && (
        <div className="note wide">{audience.length > 0 ? audience.join(", ") : t("gray.step.noAudience")}</div>
      )}
    </>
  );
}

function Published({ release }: { release: OpenReleaseDTO }) {
  return (
    <span className="note">
      <Since
        by={release.dataChangeCreatedByDisplayName ?? release.dataChangeCreatedBy}
        time={release.dataChangeCreatedTime}
      />
    </span>
  );
}

function Receivers({ line: { at, kind, release } }: { line: Line }) {
  const { t } = useTranslation();
  const count = useQuery({ ...receivers(at, release?.id ?? 0), enabled: release !== null }).data;
  if (count === undefined) return null;
  const have: Receipt = kind;
  return (
    <Link to="/a/$app/c/$env/$cluster/$ns" params={at} search={{ view: "instances", have }}>
      {t("live.receivers", { count })}
    </Link>
  );
}

/** The keys of a release; those of a gray one are marked where they differ from the live one. */
function Values({ release, live }: { release: OpenReleaseDTO; live: OpenReleaseDTO | null }) {
  const { t } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const wanted = useDeferredValue(q);
  const rows = servedRows(release, live);
  const found = wanted ? rows.filter(({ key, value }) => containsWords(`${key}\n${value ?? ""}`, wanted)) : rows;
  const filter = (q: string | undefined) => void navigate({ search: (old) => ({ ...old, q }), replace: true });
  const columns: Column<ServedRow>[] = [
    { name: t("item.key"), width: 3, cell: ({ key }) => <b className="mono">{key}</b> },
    { name: t("item.value"), width: 6, cell: (row) => <Value row={row} /> },
  ];
  return (
    <>
      <div className={classes.toolbar}>
        <FilterField label={t("live.filter")} value={q} onChange={filter} />
        <span className={classes.count} role="status">
          {t("item.shown", { count: found.length, total: rows.length })}
        </span>
      </div>
      {rows.length === 0 ? (
        <Empty title={t("live.empty")} />
      ) : found.length === 0 ? (
        <NoMatch onClear={() => filter(undefined)} />
      ) : (
        <VirtualTable
          label={t("live.content", { name: release.name })}
          columns={columns}
          rows={found}
          rowKey={({ key }) => key}
        />
      )}
    </>
  );
}

function Value({ row: { value, live, isGray } }: { row: ServedRow }) {
  const { t } = useTranslation();
  if (!isGray) return <span className="mono">{value}</span>;
  return (
    <>
      <StateChip state="gray" />{" "}
      {value === null ? <s className="mono">{live}</s> : <span className="mono">{value}</span>}{" "}
      <span className="note">
        {live === null ? t("live.onlyGray") : value === null ? t("live.notInGray") : `${t("item.live")} ${live}`}
      </span>
    </>
  );
}
