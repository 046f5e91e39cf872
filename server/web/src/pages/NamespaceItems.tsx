// The table view of a namespace: filter, items, and the bar that counts unpublished changes.
import { Button, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconArrowBackUp, IconCloudUp, IconFilter, IconPencil, IconPlus } from "@tabler/icons-react";
import { getRouteApi, Link, linkOptions } from "@tanstack/react-router";
import { useMemo, useRef, useState, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import type { Place } from "../api/queries";
import type { OpenNamespaceDTO } from "../api/bodies";
import { ItemTable } from "../parts/ItemTable";
import { Empty } from "../parts/States";
import { CHANGES, countChanges, draftRows, filterRows, toggleWord, type ChangeCounts } from "../state/draft";
import { ItemActs, type Act } from "./ItemActs";
import classes from "./Namespace.module.css";

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");
const CHANGED = "state:changed";

/** The review of this one namespace. */
export const publishing = ({ app, env, cluster, ns }: Place) =>
  linkOptions({ to: "/a/$app/publish", params: { app }, search: { t: `${env}:${cluster}:${ns}` } });

export function NamespaceItems({ place, namespace }: { place: Place; namespace: OpenNamespaceDTO }) {
  const { t } = useTranslation();
  const { f = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useRef<HTMLInputElement>(null);
  const [act, setAct] = useState<Act | null>(null);
  const [said, setSaid] = useState("");
  const isDocument = (namespace.format ?? "properties") !== "properties";
  const rows = useMemo(() => draftRows(namespace.items ?? []), [namespace.items]);
  const found = useMemo(() => filterRows(rows, f), [rows, f]);
  const counts = useMemo(() => countChanges(rows), [rows]);
  const setFilter = (text: string) =>
    void navigate({ search: (old) => ({ view: old.view, f: text || undefined }), replace: true });

  const content = isDocument ? rows.find((row) => row.state !== "deleted") : undefined;
  const onAdd = () => setAct(content ? { kind: "edit", row: content } : { kind: "add" });
  const onDone = (text: string) => {
    setAct(null);
    setSaid(text);
  };
  const keys: Parameters<typeof useHotkeys>[0] = [
    ["/", () => filter.current?.focus()],
    ["a", onAdd],
    ["p", () => void navigate(publishing(place))],
  ];
  useHotkeys(act ? [] : keys);

  return (
    <>
      <Toolbar filter={filter} f={f} setFilter={setFilter} changed={counts.all} shown={[found.length, rows.length]}>
        <Button
          variant="default"
          leftSection={isDocument ? <IconPencil size={16} stroke={1.8} /> : <IconPlus size={16} stroke={1.8} />}
          onClick={onAdd}
        >
          {t(isDocument ? "item.editContent" : "item.addTitle")}
        </Button>
      </Toolbar>
      <p role="status" className={said ? "note" : "unseen"}>
        {said}
      </p>
      {found.length > 0 ? (
        <ItemTable
          rows={found}
          onEdit={(row) => setAct({ kind: "edit", row })}
          onDelete={(row) => setAct({ kind: "delete", row })}
        />
      ) : (
        <Empty title={t(rows.length > 0 ? "state.noMatch" : "item.none")}>
          {f !== "" && (
            <Button variant="default" onClick={() => setFilter("")}>
              {t("state.clearFilter")}
            </Button>
          )}
        </Empty>
      )}
      {counts.all > 0 && <ChangeBar place={place} counts={counts} onDiscard={() => setAct({ kind: "discard" })} />}
      {act && (
        <ItemActs
          key={act.kind}
          act={act}
          place={place}
          format={namespace.format ?? "properties"}
          onAct={setAct}
          onDone={onDone}
        />
      )}
    </>
  );
}

interface ToolbarProps {
  filter: RefObject<HTMLInputElement | null>;
  f: string;
  setFilter: (text: string) => void;
  changed: number;
  /** Rows that match, of all rows. */
  shown: [number, number];
  children: React.ReactNode;
}

function Toolbar({ filter, f, setFilter, changed, shown: [count, total], children }: ToolbarProps) {
  const { t } = useTranslation();
  const onlyChanged = f.includes(CHANGED);
  return (
    <div className={classes.toolbar}>
      <TextInput
        ref={filter}
        className={classes.filter}
        aria-label={t("item.filter")}
        placeholder={t("item.filter")}
        leftSection={<IconFilter size={16} stroke={1.8} />}
        rightSection={<kbd>/</kbd>}
        value={f}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      <Button
        variant={onlyChanged ? "light" : "default"}
        aria-pressed={onlyChanged}
        leftSection={<IconCloudUp size={16} stroke={1.8} />}
        onClick={() => setFilter(toggleWord(f, CHANGED))}
      >
        {t("item.onlyChanged", { count: changed })}
      </Button>
      <span className={classes.count}>{t("item.shown", { count, total })}</span>
      {children}
    </div>
  );
}

function ChangeBar({ place, counts, onDiscard }: { place: Place; counts: ChangeCounts; onDiscard: () => void }) {
  const { t, i18n } = useTranslation();
  const title = t("change.title", { count: counts.all, name: place.ns });
  const kinds = CHANGES.filter((change) => counts[change] > 0).map((change) =>
    t(`change.${change}`, { count: counts[change] }),
  );
  return (
    <section className={classes.bar} aria-label={title}>
      <IconCloudUp size={20} stroke={1.8} aria-hidden />
      <div>
        <b>{title}</b>
        <small>{t("change.detail", { list: new Intl.ListFormat(i18n.language).format(kinds) })}</small>
      </div>
      <Button variant="subtle" leftSection={<IconArrowBackUp size={16} stroke={1.8} />} onClick={onDiscard}>
        {t("change.discard")}
      </Button>
      <Button renderRoot={(props) => <Link {...props} {...publishing(place)} />} rightSection={<kbd>{"P"}</kbd>}>
        {t("change.review")}
      </Button>
    </section>
  );
}
