// The history of namespaces as one list of entries, newest first: publishes, rollbacks, gray
// operations and edits. Pure.
import type { OpenCommitDTO, OpenReleaseHistoryDTO } from "../api/schema";
import type { KeyChange } from "../components/DiffView";
import { digest } from "../text/digest";
import { parseTime } from "../text/format";
import type { ItemContent } from "./changes";

export const KINDS = ["publish", "rollback", "gray", "edit"] as const;
export type Kind = (typeof KINDS)[number];

/** What was done, as a key of texts under `history.did`. */
export type Did =
  | "publish"
  | "rollback"
  | "withdraw"
  | "grayPublish"
  | "grayRules"
  | "merge"
  | "grayFollow"
  | "grayAbandon"
  | "grayEnd"
  | "edit";

export interface Entry {
  id: string;
  kind: Kind;
  did: Did;
  ns: string;
  at: string | undefined;
  by: string;
  /** Of the release that was in effect afterwards; 0 for edits and withdrawals. */
  releaseId: number;
  /** Of the release that was in effect before; 0 if there was none. */
  previousId: number;
  title: string;
  comment: string;
  isAbandoned: boolean;
  isEmergency: boolean;
  /** What an edit changed. */
  changes: KeyChange[];
  /** Values of the release that were read, by key. */
  values: Map<string, string>;
}

const OPERATIONS: Record<number, [Kind, Did]> = {
  0: ["publish", "publish"],
  1: ["rollback", "rollback"],
  2: ["gray", "grayPublish"],
  3: ["gray", "grayRules"],
  4: ["publish", "merge"],
  5: ["gray", "grayFollow"],
  6: ["gray", "grayFollow"],
  7: ["gray", "grayAbandon"],
  8: ["gray", "grayEnd"],
};

export function releaseEntry(row: OpenReleaseHistoryDTO): Entry {
  const [kind, operation] = OPERATIONS[row.operation ?? 0] ?? ["publish", "publish"];
  const isWithdrawal = kind === "rollback" && !row.releaseId;
  const context = (row.operationContext ?? {}) as { isEmergencyPublish?: unknown };
  return {
    id: `r${row.id ?? 0}`,
    kind,
    did: isWithdrawal ? "withdraw" : operation,
    ns: row.namespaceName ?? "",
    at: row.releaseTime,
    by: row.operatorDisplayName ?? row.operator ?? "",
    releaseId: row.releaseId ?? 0,
    previousId: row.previousReleaseId ?? 0,
    title: isWithdrawal ? "" : (row.releaseTitle ?? ""),
    comment: row.releaseComment ?? "",
    isAbandoned: row.isReleaseAbandoned ?? false,
    isEmergency: context.isEmergencyPublish === true,
    changes: [],
    values: new Map(
      (row.configuration ?? []).map(({ firstEntity = "", secondEntity = "" }) => [firstEntity, secondEntity]),
    ),
  };
}

interface StoredItem {
  key?: string;
  value?: string;
  type?: number;
  comment?: string;
}

interface ChangeSets {
  createItems?: StoredItem[];
  updateItems?: { oldItem?: StoredItem; newItem?: StoredItem }[];
  deleteItems?: StoredItem[];
}

/**
 * Apollo's admin service returns no ids, and several edits of a namespace may have the same time: that of MySQL has no
 * fractions of a second. The text of the changes is too long for an address.
 */
function editId({ id, namespaceName = "", dataChangeCreatedTime = "", changeSets = "" }: OpenCommitDTO): string {
  return id === undefined ? `e${namespaceName}${dataChangeCreatedTime}+${digest(changeSets)}` : `e${id}`;
}

export function editEntry(row: OpenCommitDTO): Entry {
  const ns = row.namespaceName ?? "";
  return {
    id: editId(row),
    kind: "edit",
    did: "edit",
    ns,
    at: row.dataChangeCreatedTime,
    by: row.dataChangeCreatedByDisplayName ?? row.dataChangeCreatedBy ?? "",
    releaseId: 0,
    previousId: 0,
    title: "",
    comment: "",
    isAbandoned: false,
    isEmergency: false,
    changes: changesOf(row.changeSets ?? "{}"),
    values: new Map(),
  };
}

/** Ids of the releases that clients receive, by namespace. */
export type LiveIds = ReadonlyMap<string, number>;

/**
 * By namespace, the newest publish of the live release, or rollback to it. The newest operation of all may be the
 * rollback of a release that was not live, which changes nothing for clients.
 */
export function liveEntries(entries: Entry[], live: LiveIds): Map<string, Entry> {
  const isLive = ({ kind, ns, releaseId }: Entry) =>
    (kind === "publish" || kind === "rollback") && live.get(ns) === releaseId;
  return new Map(
    entries
      .filter(isLive)
      .toReversed()
      .map((entry) => [entry.ns, entry]),
  );
}

/** The releases that were withdrawn since the last publish. Entries are of one namespace, newest first. */
export function withdrawnReleases(entries: Entry[]): number[] {
  const onMain = entries.filter(({ kind }) => kind === "publish" || kind === "rollback");
  const publish = onMain.findIndex(({ kind }) => kind === "publish");
  const rollbacks = publish < 0 ? onMain : onMain.slice(0, publish);
  return [...new Set(rollbacks.map(({ previousId }) => previousId))].filter((id) => id > 0);
}

/** What these rows report, newest first. A row that is on two pages, because others were added meanwhile, is one entry. */
export function timeline(published: OpenReleaseHistoryDTO[], edited: OpenCommitDTO[]): Entry[] {
  const entries = [...published.map(releaseEntry), ...edited.map(editEntry)];
  const time = ({ at }: Entry) => parseTime(at)?.getTime() ?? 0;
  return [...new Map(entries.map((entry) => [entry.id, entry])).values()].toSorted((a, b) => time(b) - time(a));
}

/** Releases that can be compared, newest first, each once. */
export function releases(entries: Entry[], ns: string): Entry[] {
  const seen = new Set<number>();
  return entries.filter((entry) => {
    if (entry.ns !== ns || entry.releaseId === 0 || seen.has(entry.releaseId)) return false;
    seen.add(entry.releaseId);
    return true;
  });
}

/** One value of a key: who set or published it, and when. Null for a deletion. */
export interface KeyValue {
  entry: Entry;
  value: string | null;
}

/** Publishes that did not change the key are left out. */
export function keyValues(entries: Entry[], key: string): KeyValue[] {
  const found: KeyValue[] = [];
  let live: string | null = null;
  for (const entry of entries.toReversed()) {
    if (entry.kind === "edit") {
      const change = entry.changes.find((other) => other.key === key);
      if (change) found.push({ entry, value: change.after });
    } else if (entry.kind !== "gray") {
      const value = entry.values.get(key) ?? null;
      if (value !== live) found.push({ entry, value });
      live = value;
    }
  }
  return found.toReversed();
}

/**
 * The value that these show as stored: that of the newest edit, because a release does not change what is stored. Null
 * for a deleted key.
 */
export function storedValue(values: KeyValue[]): string | null {
  return (values.find(({ entry }) => entry.kind === "edit") ?? values[0])?.value ?? null;
}

/** The value that the live release has: the newest one that was not published after it. */
export function liveValue(values: KeyValue[], entries: Entry[], live: LiveIds): KeyValue | undefined {
  const release = liveEntries(entries, live).get(values[0]?.entry.ns ?? "");
  if (!release) return undefined;
  const at = entries.indexOf(release);
  return values.find(({ entry }) => entry.kind !== "edit" && entries.indexOf(entry) >= at);
}

/** An item that was deleted, as it was then. */
export interface DeletedItem {
  key: string;
  content: ItemContent;
  by: string;
  at: string | undefined;
}

/** What these edits, newest first, deleted and what is not stored now. */
export function deletedItems(rows: OpenCommitDTO[], stored: Iterable<string>): DeletedItem[] {
  const seen = new Set(stored);
  return rows.flatMap((row) =>
    (parsed(row.changeSets ?? "{}").deleteItems ?? []).flatMap(({ key = "", value = "", type = 0, comment = "" }) => {
      if (key === "" || seen.has(key)) return [];
      seen.add(key);
      const by = row.dataChangeCreatedByDisplayName ?? row.dataChangeCreatedBy ?? "";
      return [{ key, content: { value, type, comment }, by, at: row.dataChangeCreatedTime }];
    }),
  );
}

function parsed(text: string): ChangeSets {
  try {
    return JSON.parse(text) as ChangeSets;
  } catch {
    return {};
  }
}

function changesOf(text: string): KeyChange[] {
  const sets = parsed(text);
  const changes: KeyChange[] = [
    ...(sets.updateItems ?? []).map(({ oldItem, newItem }) => ({
      key: newItem?.key ?? "",
      state: "modified" as const,
      before: oldItem?.value ?? "",
      after: newItem?.value ?? "",
    })),
    ...(sets.createItems ?? []).map(({ key = "", value = "" }) => ({
      key,
      state: "added" as const,
      before: null,
      after: value,
    })),
    ...(sets.deleteItems ?? []).map(({ key = "", value = "" }) => ({
      key,
      state: "deleted" as const,
      before: value,
      after: null,
    })),
  ];
  // Comment lines have no key.
  return changes.filter(({ key }) => key !== "");
}
