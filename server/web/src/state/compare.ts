// The namespaces of several environments or clusters, compared key by key with a baseline, and what
// a promotion of chosen cells changes. Pure.
import type { OpenItemDTO, OpenNamespaceDTO } from "../api/bodies";
import type { Target } from "../components/TargetTree";
import { draftRows, type DraftRow } from "./draft";

/** Which values are compared: those that clients read, or those that are stored. */
export type Side = "live" | "draft";

/** Namespaces are null while they are unknown, for example because the environment is offline. */
export interface Column extends Target {
  namespaces: OpenNamespaceDTO[] | null;
  /** Own namespaces of the app that the cluster lacks; the list above also lacks hidden ones. */
  missing: string[];
}

/**
 * Why a namespace cannot be compared: the cluster has none of this name, its values are hidden from
 * the user, or the cluster cannot be read.
 */
export type Gap = "absent" | "hidden" | "unknown";

/** `unset`: neither side has the key. */
export type CellState = "same" | "differs" | "missing" | "extra" | "unset" | Gap;

export interface Cell {
  state: CellState;
  value: string | null;
  /** The value that is stored but not published, if it is another one. */
  draft?: string | null;
}

export interface CompareRow {
  ns: string;
  key: string;
  base: Cell;
  /** In the order of the columns. */
  cells: Cell[];
  isDifferent: boolean;
}

export interface CompareGroup {
  ns: string;
  format: string;
  /** Of the baseline, and of each column. */
  gaps: { base: Gap | null; columns: (Gap | null)[] };
  /** Numbers of keys before any filter. */
  differing: number;
  total: number;
  rows: CompareRow[];
}

/** What one namespace of a target receives. */
export interface Promotion extends Target {
  ns: string;
  format: string;
  puts: Pick<OpenItemDTO, "key" | "value" | "type" | "comment">[];
  deletes: string[];
  /** What the comparison shows as stored in the target, by key; null for a key that it lacks. */
  seen: Map<string, string | null>;
  /** The state of the target on which the preview was based. */
  revision?: string | undefined;
}

export function cellId(target: Target, row: Pick<CompareRow, "ns" | "key">): string {
  return JSON.stringify([target.env, target.cluster, row.ns, row.key]);
}

/** Where a cell is among what is compared now; null if its key or its column is not compared any more. */
export function cellAt(id: string, groups: CompareGroup[], columns: Target[]) {
  const [env, cluster, ns, key] = JSON.parse(id) as [string, string, string, string];
  const column = columns.findIndex((target) => target.env === env && target.cluster === cluster);
  const row = groups.find((group) => group.ns === ns)?.rows.find((one) => one.key === key);
  return row && column >= 0 ? { row, column } : null;
}

export function compareColumns(base: Column, columns: Column[], side: Side, only?: string): CompareGroup[] {
  const known = [base, ...columns].flatMap(({ namespaces }) => namespaces ?? []);
  const names = [...new Set(known.map(({ namespaceName }) => namespaceName))].filter((ns) => !only || ns === only);
  return names.map((ns) => {
    const format = known.find(({ namespaceName }) => namespaceName === ns)?.format ?? "properties";
    const isOwn = known.some((other) => other.namespaceName === ns && isOf(other.appId, other));
    const ours = rowsOf(base, ns, isOwn);
    const theirs = columns.map((column) => rowsOf(column, ns, isOwn));
    const gap = (rows: Rows | Gap) => (typeof rows === "string" ? rows : null);
    const about = { ns, format, gaps: { base: gap(ours), columns: theirs.map(gap) } };
    if (typeof ours === "string") return { ...about, differing: 0, total: 0, rows: [] };
    const keys = [ours, ...theirs].flatMap((rows) => (typeof rows === "string" ? [] : [...rows.keys()]));
    const all = [...new Set(keys)].map((key) => compareKey(ns, key, ours, theirs, side));
    const rows = all.filter(({ base, cells }) => [base, ...cells].some(isSet));
    return { ...about, differing: rows.filter((row) => row.isDifferent).length, total: rows.length, rows };
  });
}

/** Each word must occur in the key or in a value. */
export function filterGroups(groups: CompareGroup[], filter: string, all: boolean): CompareGroup[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (row: CompareRow) => {
    if (words.length === 0) return true;
    const text = [row.key, row.base.value, ...row.cells.map(({ value }) => value)].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return groups.map((group) => ({
    ...group,
    rows: group.rows.filter((row) => (all || row.isDifferent) && matches(row)),
  }));
}

/** Whole documents are replaced, never deleted. */
export function isPromotable(group: CompareGroup, cell: Cell | undefined): boolean {
  if (cell?.state === "extra") return group.format === "properties";
  return cell?.state === "differs" || cell?.state === "missing";
}

/** The chosen cells, by the namespace that receives them. */
export function promotions(groups: CompareGroup[], columns: Column[], chosen: Set<string>, base: Column, side: Side) {
  const found: Promotion[] = [];
  for (const group of groups) {
    const items = rowsOf(base, group.ns, true);
    if (typeof items === "string") continue;
    columns.forEach((column, index) => {
      const promotion: Promotion = {
        env: column.env,
        cluster: column.cluster,
        ns: group.ns,
        format: group.format,
        puts: [],
        deletes: [],
        seen: new Map(),
      };
      for (const row of group.rows) {
        const cell = row.cells[index];
        if (!cell || !chosen.has(cellId(column, row)) || !isPromotable(group, cell)) continue;
        promotion.seen.set(row.key, cell.draft === undefined ? cell.value : cell.draft);
        const item = items.get(row.key);
        if (cell.state === "extra") promotion.deletes.push(row.key);
        else if (item) {
          const { key, type, comment } = item;
          promotion.puts.push({ key, type, comment, value: valueOf(item, side) ?? "" });
        }
      }
      if (promotion.puts.length + promotion.deletes.length > 0) found.push(promotion);
    });
  }
  return found;
}

type Rows = Map<string, DraftRow>;

function compareKey(ns: string, key: string, ours: Rows, theirs: (Rows | Gap)[], side: Side) {
  const base = cellOf("same", ours.get(key), side);
  const cells = theirs.map((rows): Cell => {
    if (typeof rows === "string") return { state: rows, value: null };
    const cell = cellOf("same", rows.get(key), side);
    return { ...cell, state: stateOf(base.value, cell.value) };
  });
  const isDifferent = cells.some(({ state }) => state === "differs" || state === "missing" || state === "extra");
  return { ns, key, base, cells, isDifferent };
}

function stateOf(base: string | null, value: string | null): CellState {
  if (base === null) return value === null ? "unset" : "extra";
  if (value === null) return "missing";
  return base === value ? "same" : "differs";
}

function cellOf(state: CellState, row: DraftRow | undefined, side: Side): Cell {
  if (!row) return { state, value: null };
  const value = valueOf(row, side);
  return row.state === "live" ? { state, value } : { state, value, draft: row.value };
}

function isSet({ value, draft }: Cell): boolean {
  return value !== null || (draft !== undefined && draft !== null);
}

function valueOf(row: DraftRow, side: Side): string | null {
  return side === "live" ? row.live : row.value;
}

function rowsOf(column: Column, ns: string, isOwn: boolean): Rows | Gap {
  if (!column.namespaces) return "unknown";
  const found = column.namespaces.find(({ namespaceName }) => namespaceName === ns);
  if (!found) return isOwn && !column.missing.includes(ns) ? "hidden" : "absent";
  return new Map(draftRows(found.items ?? []).map((row) => [row.key, row]));
}

function isOf(app: string, { extendInfo }: OpenNamespaceDTO): boolean {
  return extendInfo?.parentAppId === undefined || extendInfo.parentAppId === app;
}
