// The instances view of a namespace: which instances read it, and which release each of them has. An administrator of the app
// can forget one that does not run any more.
import { Button } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenReleaseDTO } from "../api/bodies";
import { forgetInstance, useInstances, type InstanceList, type InstanceRow, type Receipt } from "../api/instances";
import type { Place } from "../api/queries";
import { useAppAdmin } from "../api/rights";
import { Confirm } from "../components/Confirm";
import { FilterField } from "../components/FilterField";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { Empty, Loaded, NoMatch } from "../components/States";
import { VirtualTable, type Column } from "../components/VirtualTable";
import { containsWords } from "../text/paletteQuery";
import classes from "./Namespace.module.css";

const RECEIPTS: Receipt[] = ["live", "late", "gray"];

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");

/** `live` is null if nothing has been published. */
export function NamespaceInstances({ place, live }: { place: Place; live: OpenReleaseDTO | null }) {
  const { t } = useTranslation();
  return live === null ? <Empty title={t("instance.neverPublished")} /> : <Instances place={place} live={live} />;
}

function Instances({ place, live }: { place: Place; live: OpenReleaseDTO }) {
  const { t } = useTranslation();
  const { q = "", have } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInstances(place, live);
  const show = (part: { q?: string | undefined; have?: Receipt | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <Loaded query={query}>
      {(list) => {
        const found = list.rows.filter(
          (row) => (!have || row.receipt === have) && (!q || containsWords(textOf(row), q)),
        );
        if (list.rows.length === 0) return <Empty title={t("instance.none")} />;
        return (
          <>
            <div className={classes.toolbar}>
              <FilterField label={t("instance.filter")} value={q} onChange={(q) => show({ q })} />
              <Receipts list={list} have={have} onChange={(have) => show({ have })} />
              <span className={classes.count} role="status">
                {t("instance.shown", { shown: found.length, total: list.rows.length, count: list.rows.length })}
              </span>
            </div>
            {found.length === 0 ? (
              <NoMatch onClear={() => show({ q: undefined, have: undefined })} />
            ) : (
              <Rows place={place} rows={found} />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

const textOf = ({ ip, dataCenter, app, cluster, release }: InstanceRow) =>
  [ip, dataCenter, app, cluster, release].join("\n");

interface ReceiptsProps {
  list: InstanceList;
  have: Receipt | undefined;
  onChange: (have: Receipt | undefined) => void;
}

/** One button for each release that some instance has; a pressed one shows only its instances. */
function Receipts({ list: { counts }, have, onChange }: ReceiptsProps) {
  const { t } = useTranslation();
  return RECEIPTS.filter((receipt) => counts[receipt] > 0 || receipt === have).map((receipt) => (
    <Button
      key={receipt}
      variant={receipt === have ? "light" : "default"}
      aria-pressed={receipt === have}
      onClick={() => onChange(receipt === have ? undefined : receipt)}
    >
      {t(`instance.have.${receipt}`, { number: counts[receipt] })}
    </Button>
  ));
}

function Rows({ place, rows }: { place: Place; rows: InstanceRow[] }) {
  const { t } = useTranslation();
  const isAdmin = useAppAdmin(place.app);
  const [forgetting, setForgetting] = useState<InstanceRow | null>(null);
  const columns: Column<InstanceRow>[] = [
    { name: t("gray.observe.ip"), width: 3, cell: ({ ip }) => <b className="mono">{ip}</b> },
    { name: t("item.state"), width: 2, cell: ({ receipt }) => <StateChip state={receipt} /> },
    { name: t("instance.release"), width: 4, cell: ({ release }) => <span className="mono">{release}</span> },
    { name: t("gray.observe.delivered"), width: 2, cell: ({ deliveredAt }) => <Since time={deliveredAt} /> },
    { name: t("instance.seen"), width: 2, cell: ({ seenAt }) => <Since time={seenAt} /> },
    { name: t("gray.observe.center"), width: 2, cell: ({ dataCenter }) => dataCenter },
    { name: t("instance.client"), width: 4, cell: ({ app, cluster }) => `${app} / ${cluster}` },
  ];
  if (isAdmin) {
    const forget = (row: InstanceRow) => (
      <Button
        variant="subtle"
        size="compact-sm"
        aria-label={t("instance.forget.of", { ip: row.ip })}
        onClick={() => setForgetting(row)}
      >
        {t("instance.forget.start")}
      </Button>
    );
    columns.push({ name: t("table.actions"), width: 2, cell: forget });
  }
  return (
    <>
      <VirtualTable
        label={t("instance.title")}
        columns={columns}
        rows={rows}
        rowKey={({ id, receipt }) => `${receipt} ${id}`}
      />
      {forgetting && <Forget place={place} row={forgetting} onClose={() => setForgetting(null)} />}
    </>
  );
}

function Forget({ place, row, onClose }: { place: Place; row: InstanceRow; onClose: () => void }) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  const write = useAction(() => forgetInstance(place, row), [["instances", app, env, cluster, ns]], onClose);
  return (
    <Confirm
      title={t("instance.forget.title")}
      action={t("instance.forget.act", { ip: row.ip })}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        {t("instance.forget.seen", { ip: row.ip })} <Since time={row.seenAt} />
      </p>
      <p>{t("instance.forget.text")}</p>
    </Confirm>
  );
}
