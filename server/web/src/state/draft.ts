// Items of a namespace compared with its live release: the state of each row, the filter, the
// counts. Pure.
import type { OpenItemDTO } from "../api/bodies";
import { ITEM_TYPES } from "../text/check";
import { isWithin } from "../text/format";
import type { ItemChange } from "./changes";

export const CHANGES = ["modified", "added", "deleted"] as const;
export type Change = (typeof CHANGES)[number];
export type RowState = Change | "live";

export interface DraftRow {
  key: string;
  state: RowState;
  /** What is stored; null for a deleted item. */
  value: string | null;
  /** What clients read; null for a new item. */
  live: string | null;
  type: number;
  comment: string;
  by: string;
  at: string | undefined;
  /** Whether it is a key of the public namespace that this one does not override. */
  isInherited?: boolean;
  /** Lower-case text that the filter searches. */
  haystack: string;
}

/** One key in a comparison of two states. */
export interface KeyChange {
  key: string;
  state: Change;
  /** Null for a value that does not exist. */
  before: string | null;
  after: string | null;
  by?: string;
  at?: string | undefined;
}

export type ChangeCounts = Record<Change, number> & { all: number };

/** Changed rows come first, then line order. Comment lines, which have no key, are left out. */
export function draftRows(items: OpenItemDTO[]): DraftRow[] {
  const keyed = items.filter((item) => item.key !== "");
  const lines = keyed.toSorted((a, b) => (a.lineNum ?? 0) - (b.lineNum ?? 0)).map(draftRow);
  return [...CHANGES, "live"].flatMap((state) => lines.filter((row) => row.state === state));
}

/** The unpublished changes of the rows, as a comparison of what is live with what is stored. */
export function keyChanges(rows: DraftRow[]): KeyChange[] {
  return rows.flatMap(({ key, state, live, value, by, at }) =>
    state === "live" ? [] : [{ key, state, before: live, after: value, by, at }],
  );
}

/**
 * The unpublished values that are lost, each beside the one that replaces it. `next` returns the
 * value that a changed key will have; undefined if it stays as it is.
 */
export function lostChanges(rows: DraftRow[], next: (change: KeyChange) => string | null | undefined): KeyChange[] {
  return keyChanges(rows).flatMap((change): KeyChange[] => {
    const [before, after] = [change.after, next(change)];
    if (after === undefined || after === before) return [];
    const state = before === null ? "added" : after === null ? "deleted" : "modified";
    return [{ ...change, state, before, after }];
  });
}

/** A change of an item, as a comparison of what was stored with what will be. */
export function changeOf({ key, was, now }: ItemChange): KeyChange {
  const state = was ? (now ? "modified" : "deleted") : "added";
  return { key, state, before: was?.value ?? null, after: now?.value ?? null };
}

/** The change that gives a row its live value again. */
export function revertOf({ key, state, value, live, type, comment }: DraftRow): ItemChange {
  const content = (text: string | null) => (text === null ? null : { value: text, type, comment });
  return { key, was: state === "deleted" ? null : content(value), now: content(live) };
}

export function isChanged(row: DraftRow): boolean {
  return row.state !== "live";
}

export function countChanges(rows: DraftRow[]): ChangeCounts {
  const count = (state: Change) => rows.filter((row) => row.state === state).length;
  const counts = { modified: count("modified"), added: count("added"), deleted: count("deleted") };
  return { ...counts, all: counts.modified + counts.added + counts.deleted };
}

/** Words `name:value` that select rows by one of their parts. */
const PARTS: [string, (row: DraftRow, value: string, now: Date) => boolean][] = [
  [
    "state:",
    (row, value) => (value === "changed" ? isChanged(row) : row.state === (value === "new" ? "added" : value)),
  ],
  ["type:", (row, value) => ITEM_TYPES[row.type] === value],
  ["by:", (row, value) => row.by.toLowerCase().includes(value)],
  ["within:", (row, value, now) => isWithin(row.at, value, now)],
  ["has:", (row, value) => value === "comment" && row.comment !== ""],
];

/**
 * Each word must occur in key, value, comment or person. `state:`, `type:`, `by:`, `within:` and
 * `has:` words select more exactly; of several with the same name, one must hold.
 */
export function filterRows(rows: DraftRow[], filter: string, now = new Date()): DraftRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = words.filter((word) => !PARTS.some(([name]) => word.startsWith(name)));
  const conditions = PARTS.map(([name, holds]) => {
    const values = words.filter((word) => word.startsWith(name)).map((word) => word.slice(name.length));
    return (row: DraftRow) => values.length === 0 || values.some((value) => holds(row, value, now));
  });
  return rows.filter(
    (row) => conditions.every((holds) => holds(row)) && texts.every((text) => row.haystack.includes(text)),
  );
}

/** Switches one word of a filter on or off, leaving the others. */
export function toggleWord(filter: string, word: string): string {
  const words = filter.split(/\s+/).filter(Boolean);
  return (words.includes(word) ? words.filter((other) => other !== word) : [word, ...words]).join(" ");
}

/** The value of the first word with this name, or an empty text. */
export function wordOf(filter: string, name: string): string {
  const word = filter.split(/\s+/).find((word) => word.startsWith(name));
  return word?.slice(name.length) ?? "";
}

/** Replaces the words with this name by one, or removes them if the value is empty. */
export function replaceWord(filter: string, name: string, value: string): string {
  const others = filter.split(/\s+/).filter((word) => word !== "" && !word.startsWith(name));
  return (value === "" ? others : [name + value, ...others]).join(" ");
}

function draftRow(item: OpenItemDTO): DraftRow {
  const stored = item.value ?? "";
  const state = rowState(item);
  const live = {
    added: null,
    modified: item.extendInfo?.oldValue ?? "",
    deleted: item.extendInfo?.oldValue ?? stored,
    live: stored,
  }[state];
  const by = item.dataChangeLastModifiedByDisplayName ?? item.dataChangeLastModifiedBy ?? "";
  const comment = item.comment ?? "";
  return {
    key: item.key,
    state,
    value: state === "deleted" ? null : stored,
    live,
    type: item.type ?? 0,
    comment,
    by,
    at: item.dataChangeLastModifiedTime,
    haystack: [item.key, stored, live, comment, by].join("\n").toLowerCase(),
  };
}

function rowState(item: OpenItemDTO): RowState {
  const marks = item.extendInfo;
  if (marks?.isDeleted) return "deleted";
  if (marks?.isNewlyAdded) return "added";
  return marks?.isModified ? "modified" : "live";
}
