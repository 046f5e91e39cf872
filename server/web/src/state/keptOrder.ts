// The order of a table that is being edited: rows stay where they are, although a change would move them.
import { useMemo, useState } from "react";

/** The order of `rows` as it was when `view`, what the user looks at, was last another. */
export function useKeptOrder<Row extends { key: string }>(rows: Row[], view: string): Row[] {
  const [kept, setKept] = useState(() => ({ view, keys: keysOf(rows) }));
  if (kept.view !== view) setKept({ view, keys: keysOf(rows) });
  return useMemo(() => (kept.view === view ? inOrder(rows, kept.keys) : rows), [rows, kept, view]);
}

/** Rows that the order lacks, which are new, come first. */
export function inOrder<Row extends { key: string }>(rows: Row[], keys: string[]): Row[] {
  const places = new Map(keys.map((key, index) => [key, index]));
  const place = ({ key }: Row) => places.get(key) ?? -1;
  return rows.toSorted((a, b) => place(a) - place(b));
}

const keysOf = (rows: { key: string }[]) => rows.map(({ key }) => key);
