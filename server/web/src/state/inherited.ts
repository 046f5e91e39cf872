// The items of an associated namespace together with those that it inherits from the public
// namespace: what clients read, and where each value comes from. Pure.
import type { OpenNamespaceDTO } from "../api/bodies";
import { draftRows, type DraftRow } from "./draft";

/** The app that defines the public namespace with which this one is associated. */
export function parentOf(namespace: OpenNamespaceDTO, app: string): string | undefined {
  const parent = namespace.extendInfo?.parentAppId;
  return parent === app ? undefined : parent;
}

/** The own rows, then those of keys that only the public namespace has; and all its live values. */
export function effectiveRows(own: DraftRow[], parent: OpenNamespaceDTO) {
  const live = draftRows(parent.items ?? []).filter((row) => row.live !== null);
  const keys = new Set(own.map(({ key }) => key));
  const missing = live.filter(({ key }) => !keys.has(key));
  return {
    rows: [...own, ...missing.map((row): DraftRow => ({ ...row, state: "live", value: row.live, isInherited: true }))],
    inherited: new Map(live.map(({ key, live }) => [key, live ?? ""])),
  };
}
