// Namespaces of a cluster with their format, unpublished changes, gray release and lock: a panel beside the page, on narrow
// screens a page of its own. Only visible entries are rendered.
import { TextInput } from "@mantine/core";
import { IconEyeOff, IconGitBranch, IconLock, IconPlus, IconSearch, IconTopologyStar } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useShortcuts } from "../state/keys";
import { useShared } from "../state/share";
import { GROUPS, type NamespaceEntry, type NamespaceGroup, type NamespaceMarks } from "../state/namespaces";
import classes from "./NamespacePanel.module.css";
import { StateChip } from "./StateChip";

const HEADING_HEIGHT = 28;
const ENTRY_HEIGHT = 34;
const OVERSCAN = 20;

interface Props {
  app: string;
  env: string;
  cluster: string;
  entries: NamespaceEntry[];
  /** What is going on in namespaces, by name. */
  marks: Map<string, NamespaceMarks>;
  /** Whether gray releases and locks are not known. */
  hasNoSigns: boolean;
  /** Whether the user may create namespaces. */
  mayCreate: boolean;
  /** The open namespace, if any. */
  ns: string | undefined;
  /** Filter with which the panel is opened. */
  list: string | undefined;
  onOpen: (ns: string) => void;
}

type Row = NamespaceEntry | { heading: NamespaceGroup; count: number };

export function NamespacePanel({ app, env, cluster, entries, marks, hasNoSigns, mayCreate, ns, list, onOpen }: Props) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState(list ?? "");
  useShared({ list: filter || undefined });
  const field = useRef<HTMLInputElement>(null);
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useMemo(() => grouped(entries, filter), [entries, filter]);
  const names = rows.flatMap((row) => ("name" in row ? [row.name] : []));
  // The compiler's rule names this hook: its functions must not be memoised, and they are not.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) => (rows[index] && "name" in rows[index] ? ENTRY_HEIGHT : HEADING_HEIGHT),
    overscan: OVERSCAN,
  });
  const neighbour = (step: number) => {
    const next = names[names.indexOf(ns ?? "") + step];
    if (next !== undefined) onOpen(next);
  };
  useShortcuts({
    "g n": () => field.current?.focus(),
    "[": () => neighbour(-1),
    "]": () => neighbour(1),
  });
  return (
    <nav className={classes.panel} data-open={ns !== undefined} aria-label={t("namespace.list")}>
      <TextInput
        ref={field}
        aria-label={t("namespace.filter")}
        placeholder={t("namespace.filter")}
        leftSection={<IconSearch size={16} stroke={1.8} />}
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      {mayCreate && (
        <Link to="/a/$app/new-namespace" params={{ app }} className={classes.create}>
          <IconPlus size={16} stroke={1.8} aria-hidden /> {t("newNamespace.title")}
        </Link>
      )}
      <div ref={scroll} className={classes.scroll}>
        <ul style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const row = rows[index] as Row;
            return (
              <li
                key={key}
                data-index={index}
                ref={virtual.measureElement}
                style={{ transform: `translateY(${start}px)` }}
              >
                {"name" in row ? (
                  <Link
                    to="/a/$app/c/$env/$cluster/$ns"
                    params={{ app, env, cluster, ns: row.name }}
                    className={classes.entry}
                    data-group={row.group}
                  >
                    <span className={classes.format}>{shortFormat(row.format)}</span>
                    <span className={classes.name} title={row.name}>
                      {row.name}
                    </span>
                    <Badges entry={row} marks={marks.get(row.name)} />
                  </Link>
                ) : (
                  <h2 className={classes.group}>
                    {t(`namespace.groups.${row.heading}`)} <span>{row.count}</span>
                  </h2>
                )}
              </li>
            );
          })}
        </ul>
      </div>
      {rows.length === 0 && <p className="note">{t(filter ? "state.noMatch" : "namespace.none")}</p>}
      {hasNoSigns && <p className="note">{t("namespace.noSigns")}</p>}
    </nav>
  );
}

function Badges({ entry, marks }: { entry: NamespaceEntry; marks: NamespaceMarks | undefined }) {
  const { t } = useTranslation();
  if (entry.group === "hidden" || entry.group === "missing") {
    const Sign = entry.group === "hidden" ? IconEyeOff : IconTopologyStar;
    return (
      <span className={classes.sign}>
        <Sign size={14} stroke={1.8} aria-hidden />
        <span className="unseen">{t(`namespace.groups.${entry.group}`)}</span>
      </span>
    );
  }
  if (!marks) return null;
  const { unpublished, isGray, lockedBy } = marks;
  return (
    <>
      {lockedBy && (
        <span className={classes.sign} title={t("namespace.lockedBy", { name: lockedBy })}>
          <IconLock size={14} stroke={1.8} aria-hidden />
          <span className="unseen">{t("namespace.lockedBy", { name: lockedBy })}</span>
        </span>
      )}
      {isGray && (
        <span className={classes.gray} title={t("namespace.gray")}>
          <IconGitBranch size={14} stroke={1.8} aria-hidden />
          <span className="unseen">{t("namespace.gray")}</span>
        </span>
      )}
      {unpublished > 0 && <StateChip state="unpublished" count={unpublished} />}
    </>
  );
}

/** The matching entries below a heading for each group that has any. */
function grouped(entries: NamespaceEntry[], filter: string): Row[] {
  const wanted = filter.toLowerCase();
  const found = entries.filter(({ name }) => name.toLowerCase().includes(wanted));
  return GROUPS.flatMap((heading): Row[] => {
    const members = found.filter(({ group }) => group === heading);
    return members.length > 0 ? [{ heading, count: members.length }, ...members] : [];
  });
}

function shortFormat(format: string): string {
  return format === "properties" ? "PROP" : format.toUpperCase();
}
