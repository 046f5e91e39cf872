// The table view of a namespace: filter, items, and the bar that counts unpublished changes.
import { ActionIcon, Button } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconClipboardPlus, IconPlus, IconTrashOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, linkOptions } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import { useAnnounced } from "../api/editors";
import { parentNamespace } from "../api/namespaces";
import { useBoot, type Draft, type Place } from "../api/queries";
import { Blockable } from "../components/Blockable";
import { OrConflict } from "../components/ConflictView";
import { CopyAs } from "../components/CopyAs";
import type { EditedItem } from "../components/ItemDialog";
import type { Origin } from "../components/ItemRow";
import { ItemTable } from "../components/ItemTable";
import { Empty, Failure } from "../components/States";
import { useUnsavedItems } from "../components/useUnsaved";
import { publishTarget } from "../routes/address";
import { inverse, type ItemChange, type ItemContent } from "../state/changes";
import { useCommands } from "../state/commands";
import { countChanges, draftRows, filterRows, revertOf, type DraftRow } from "../state/draft";
import { effectiveRows, parentOf } from "../state/inherited";
import { useShortcuts } from "../state/keys";
import { selectionOf, selectionText, useShared } from "../state/share";
import { useKeptOrder } from "../state/keptOrder";
import { sortRows, type Sort } from "../state/sort";
import { ChangeBar } from "./ChangeBar";
import { ItemActs, type Act } from "./ItemActs";
import { ItemFilter } from "./ItemFilter";
import { ItemSort } from "./ItemSort";
import classes from "./Namespace.module.css";
import type { Access } from "./NamespaceAccess";
import { SelectionBar } from "./SelectionBar";

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");

/** The review of this one namespace. */
export const publishing = ({ app, env, cluster, ns }: Place) =>
  linkOptions({ to: "/a/$app/publish", params: { app }, search: { t: publishTarget(env, cluster, ns) } });

interface Props {
  place: Place;
  draft: Draft;
  access: Access | undefined;
}

interface Said {
  text: string;
  /** What can be undone. */
  changes?: ItemChange[] | undefined;
}

export function NamespaceItems({ place, draft, access }: Props) {
  const { t } = useTranslation();
  const { f = "", sel, sort } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useRef<HTMLInputElement>(null);
  const [act, setAct] = useState<Act | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const { rows, origin } = useEffectiveRows(place, draft);
  const sorted = useKeptOrder(
    useMemo(() => sortRows(rows, sort), [rows, sort]),
    JSON.stringify([place, f, sort, origin !== undefined]),
  );
  const found = useMemo(() => filterRows(sorted, f), [sorted, f]);
  const [selected, setSelection] = useState<ReadonlySet<string>>(() => new Set(selectionOf(sel, ownKeys(found))));
  const chosen = useMemo(() => found.filter(({ key }) => selected.has(key)), [found, selected]);
  const setSelected = (keys: ReadonlySet<string>) => {
    setSelection(keys);
    if (sel !== undefined) void navigate({ search: (old) => ({ ...old, sel: undefined }), replace: true });
  };
  const counts = useMemo(() => countChanges(rows), [rows]);
  const { userId } = useBoot().user;
  // Others may have stored the same, and the user may have kept what they stored.
  const say = (text: string, changes?: ItemChange[]) =>
    setSaid(changes?.length === 0 ? { text: t("item.unchanged") } : { text, changes });
  const direct = useChanges(place, (made) => say(t("item.undone"), made));
  const canEdit = access?.canEdit === true && (access.editor === null || access.editor === userId);
  const locked = !canEdit && access?.editor != null && t("access.locked", { name: access.editor });
  const setFilter = (text: string) =>
    void navigate({ search: (old) => ({ view: old.view, sort, f: text || undefined }), replace: true });
  const onSort = (sort: Sort | undefined) => void navigate({ search: (old) => ({ ...old, sort }), replace: true });

  useShared({
    sel: selectionText(
      chosen.map(({ key }) => key),
      ownKeys(found),
    ),
  });
  const { app, ...at } = place;
  const showHistory = ({ key }: DraftRow) =>
    void navigate({ to: "/a/$app/history", params: { app }, search: { ...at, key } });
  const onDone = (text: string, changes?: ItemChange[]) => {
    setAct(null);
    setSelected(new Set());
    say(text, changes);
  };
  const { revision } = draft;
  const edit = canEdit
    ? {
        onEdit: (row: DraftRow) => setAct(row.isInherited ? override(row, draft) : { kind: "edit", row, revision }),
        onDelete: (rows: DraftRow[]) => setAct({ kind: "delete", rows, revision }),
        onSet: (rows: DraftRow[]) => setAct({ kind: "set", rows, revision }),
        onRevert: (rows: DraftRow[]) => direct.run(rows.map(revertOf), revision),
      }
    : null;
  // What was saved may have been changed by others since, and `revision` may be one that has their values.
  const undo = said?.changes && (() => direct.run(inverse(said.changes ?? [])));
  const isFree = act === null && !direct.conflict;
  useAnnounced(place, canEdit && !isFree);
  const commands = [
    { id: "add", label: t("item.addTitle"), keys: "a", run: () => setAct({ kind: "add" }) },
    { id: "paste", label: t("paste.title"), keys: "v", run: () => setAct({ kind: "paste" }) },
    { id: "restore", label: t("restore.title"), keys: "r", run: () => setAct({ kind: "restore" }) },
  ].filter(() => canEdit && isFree);
  useCommands(commands);
  useShortcuts({
    ...(isFree && { "/": () => filter.current?.focus() }),
    ...Object.fromEntries(commands.map(({ keys, run }) => [keys, run])),
  });
  useHotkeys(isFree ? [["mod+z", () => undo?.()]] : []);

  return (
    <>
      <ItemFilter
        input={filter}
        f={f}
        setFilter={setFilter}
        changed={counts.all}
        shown={[found.length, rows.length]}
        isSorted={sort !== undefined}
      >
        <ItemSort sort={sort} onSort={onSort} />
        <CopyAs name={place.ns} rows={found} onCopied={say} />
        {access?.canEdit && (
          <>
            <Blockable why={locked} label={t("restore.title")}>
              <ActionIcon
                variant="default"
                className={classes.more}
                aria-label={t("restore.title")}
                onClick={() => setAct({ kind: "restore" })}
              >
                <IconTrashOff size={16} stroke={1.8} />
              </ActionIcon>
            </Blockable>
            {rows.length > 0 && <AddActs why={locked} variant="default" onAct={setAct} />}
          </>
        )}
      </ItemFilter>
      {act === null && canEdit && <Restore {...{ place, rows, revision }} onAct={setAct} />}
      {direct.error && <Failure error={direct.error} />}
      {found.length > 0 ? (
        <ItemTable
          rows={found}
          edit={edit}
          onHistory={showHistory}
          selected={selected}
          onSelect={setSelected}
          origin={origin}
          sort={sort}
          onSort={onSort}
        />
      ) : (
        <Empty title={t(rows.length > 0 ? "state.noMatch" : "item.none")}>
          {f !== "" && (
            <Button variant="default" onClick={() => setFilter("")}>
              {t("state.clearFilter")}
            </Button>
          )}
          {rows.length === 0 && access?.canEdit && (
            <div className="row">
              <AddActs why={locked} variant="filled" onAct={setAct} />
            </div>
          )}
        </Empty>
      )}
      {/* Below the table, whose rows stay where they are. */}
      <div role="status" className={said ? classes.said : "unseen"}>
        {said?.text}
        {undo && (
          <Button size="compact-sm" variant="subtle" onClick={undo}>
            {t("item.undo")}
          </Button>
        )}
      </div>
      {edit && chosen.length > 0 && (
        <SelectionBar
          name={place.ns}
          rows={chosen}
          onDelete={edit.onDelete}
          onSet={edit.onSet}
          onCopied={say}
          onRevert={(rows) => {
            setSelected(new Set());
            edit.onRevert(rows);
          }}
          onClear={() => setSelected(new Set())}
        />
      )}
      {counts.all > 0 && !(edit && chosen.length > 0) && (
        <ChangeBar
          place={place}
          counts={counts}
          access={access}
          onDiscard={canEdit ? () => setAct({ kind: "discard", rows, revision }) : undefined}
        />
      )}
      {act && <ItemActs key={act.kind} act={act} place={place} draft={draft} onAct={setAct} onDone={onDone} />}
      <OrConflict changes={direct}>{null}</OrConflict>
    </>
  );
}

interface AddActsProps {
  why: string | false;
  /** Of the main one: in an empty namespace it is what to do next. */
  variant: "filled" | "default";
  onAct: (act: Act) => void;
}

function AddActs({ why, variant, onAct }: AddActsProps) {
  const { t } = useTranslation();
  return (
    <>
      <Blockable why={why}>
        <Button
          variant="default"
          leftSection={<IconClipboardPlus size={16} stroke={1.8} />}
          onClick={() => onAct({ kind: "paste" })}
        >
          {t("paste.open")}
        </Button>
      </Blockable>
      <Blockable why={why}>
        <Button
          variant={variant}
          className={classes.add}
          leftSection={<IconPlus size={16} stroke={1.8} />}
          onClick={() => onAct({ kind: "add" })}
        >
          {t("item.addTitle")}
        </Button>
      </Blockable>
    </>
  );
}

/** The keys that can be selected. */
function ownKeys(rows: DraftRow[]): string[] {
  return rows.filter(({ isInherited }) => !isInherited).map(({ key }) => key);
}

/** The rows of a namespace; an associated one also has those that it inherits, with their origin. */
function useEffectiveRows(place: Place, draft: Draft) {
  const { t } = useTranslation();
  const app = parentOf(draft, place.app);
  const parent = useQuery({ ...parentNamespace(place), enabled: app !== undefined }).data;
  const own = useMemo(() => draftRows(draft.items ?? []), [draft.items]);
  const effective = useMemo(() => (app && parent ? effectiveRows(own, parent) : null), [own, parent, app]);
  if (!effective) return { rows: own, origin: undefined };
  const origin = (row: DraftRow): Origin => {
    if (row.isInherited) return { text: t("item.inherited", { app }), isOverride: false };
    const value = effective.inherited.get(row.key);
    const text = value === undefined ? t("item.own") : t("item.overridden", { app, value });
    return { text, isOverride: value !== undefined };
  };
  return { rows: effective.rows, origin };
}

/** The form of a new key with the inherited value. */
function override({ key, live, type, comment }: DraftRow, { revision }: Draft): Act {
  return { kind: "add", restored: { edit: { key, value: live ?? "", type, comment }, was: null, revision } };
}

interface RestoreProps {
  place: Place;
  rows: DraftRow[];
  revision: string;
  onAct: (act: Act) => void;
}

/** Offers the edits that were left unsaved in this browser. */
function Restore({ place, rows, revision, onAct }: RestoreProps) {
  const { t } = useTranslation();
  const { kept, drop } = useUnsavedItems<EditedItem, ItemContent | null>(place);
  const restore = (restored: (typeof kept)[number]) => {
    const row = rows.find(({ key, state }) => key === restored.edit.key && state !== "deleted");
    onAct(row ? { kind: "edit", row, revision, restored } : { kind: "add", restored });
  };
  return kept.map((one) => (
    <div key={one.form} className={classes.banner}>
      <p>
        {t("unsaved.item")} <code className="wrap">{one.edit.key}</code>
      </p>
      <Button variant="default" onClick={() => drop(one)}>
        {t("unsaved.drop")}
      </Button>
      <Button onClick={() => restore(one)}>{t("unsaved.restore")}</Button>
    </div>
  ));
}
