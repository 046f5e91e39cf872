// Items of a namespace compared with its live release: the state of each row, the filter, the
// counts. Pure.
import type { OpenItemDTO } from "../api/bodies";

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
  /** Lower-case text that the filter searches. */
  haystack: string;
}

export type ChangeCounts = Record<Change, number> & { all: number };

/** Changed rows come first, then line order. Comment lines, which have no key, are left out. */
export function draftRows(items: OpenItemDTO[]): DraftRow[] {
  const keyed = items.filter((item) => item.key !== "");
  const lines = keyed.toSorted((a, b) => (a.lineNum ?? 0) - (b.lineNum ?? 0)).map(draftRow);
  return [...CHANGES, "live"].flatMap((state) => lines.filter((row) => row.state === state));
}

export function isChanged(row: DraftRow): boolean {
  return row.state !== "live";
}

export function countChanges(rows: DraftRow[]): ChangeCounts {
  const count = (state: Change) => rows.filter((row) => row.state === state).length;
  const counts = { modified: count("modified"), added: count("added"), deleted: count("deleted") };
  return { ...counts, all: counts.modified + counts.added + counts.deleted };
}

/** Each word must occur in key, value, comment or person; `state:` words select states. */
export function filterRows(rows: DraftRow[], filter: string): DraftRow[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const states = words.filter((word) => word.startsWith("state:")).map((word) => word.slice("state:".length));
  const texts = words.filter((word) => !word.startsWith("state:"));
  return rows.filter((row) => inStates(row, states) && texts.every((text) => row.haystack.includes(text)));
}

/** Switches one word of a filter on or off, leaving the others. */
export function toggleWord(filter: string, word: string): string {
  const words = filter.split(/\s+/).filter(Boolean);
  return (words.includes(word) ? words.filter((other) => other !== word) : [word, ...words]).join(" ");
}

function inStates(row: DraftRow, states: string[]): boolean {
  return (
    states.length === 0 ||
    states.some((state) => {
      if (state === "changed") return isChanged(row);
      return row.state === (state === "new" ? "added" : state);
    })
  );
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
