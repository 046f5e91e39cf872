// The order of the items of a table. Pure.
import type { DraftRow } from "./draft";

export const SORTS = ["key", "value", "type", "comment", "changed"] as const;
export type SortColumn = (typeof SORTS)[number];
/** A column, with a minus sign for the opposite order. Without one, changed items come first. */
export type Sort = SortColumn | `-${SortColumn}`;

export const ALL_SORTS: Sort[] = SORTS.flatMap((column): Sort[] => [column, `-${column}`]);

/** What is compared of long values; the end of such a value orders nothing that people look for. */
const COMPARED_CHARACTERS = 250;

/** `item10` comes after `item9`, and the case of letters does not matter. */
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

export function columnOf(sort: Sort | undefined): SortColumn | undefined {
  return SORTS.find((column) => sort === column || sort === `-${column}`);
}

export function isDescending(sort: Sort | undefined): boolean {
  return sort?.startsWith("-") ?? false;
}

/** The order after a press on the head of a column: one direction, the other one, none. */
export function nextSort(sort: Sort | undefined, column: SortColumn): Sort | undefined {
  // Of times, the newest are looked for.
  const [first, second]: Sort[] = column === "changed" ? ["-changed", "changed"] : [column, `-${column}`];
  if (sort === first) return second;
  return sort === second ? undefined : first;
}

/** Rows without what is compared come last in both directions; equal ones keep their order. */
export function sortRows(rows: DraftRow[], sort: Sort | undefined): DraftRow[] {
  const column = columnOf(sort);
  if (!column) return rows;
  const sign = isDescending(sort) ? -1 : 1;
  return rows
    .map((row) => ({ row, by: criterion(row, column) }))
    .toSorted((a, b) => Number(a.by === "") - Number(b.by === "") || sign * compare(a.by, b.by))
    .map(({ row }) => row);
}

type Criterion = string | number;

function criterion(row: DraftRow, column: SortColumn): Criterion {
  if (column === "value") {
    const text = (row.value ?? row.live ?? "").slice(0, COMPARED_CHARACTERS);
    const number = Number(text);
    return text.trim() === "" || Number.isNaN(number) ? text : number;
  }
  if (column === "changed") return row.at ?? "";
  return row[column];
}

/** Numbers come before texts. */
function compare(a: Criterion, b: Criterion): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return collator.compare(a, b);
  return typeof a === "number" ? -1 : 1;
}
