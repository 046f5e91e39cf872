// A rollback, and what happens to the items afterwards: they still have the withdrawn values.
import type { OpenNamespaceDTO } from "./bodies";
import { get } from "./client";
import { namespacePath, type Place } from "./queries";
import { deleteItem, discardChanges, putItems, rollBack, saveText, type Item } from "./writes";
import type { KeyChange } from "../parts/DiffView";

/**
 * `keep`: the items stay as they are. `reset`: the keys that the rollback changes get the values of
 * the target. `discard`: all items match the target.
 */
export const AFTERWARDS = ["reset", "keep", "discard"] as const;
export type Afterwards = (typeof AFTERWARDS)[number];

export interface Step {
  /** The rollback itself, or what follows. */
  what: "release" | "items";
}

export interface Plan {
  place: Place;
  live: number;
  to: number;
  changes: KeyChange[];
  afterwards: Afterwards;
}

export function steps({ afterwards }: Plan): Step[] {
  return [{ what: "release" }, ...(afterwards === "keep" ? [] : [{ what: "items" } as const])];
}

export async function runStep({ place, live, to, changes, afterwards }: Plan, { what }: Step): Promise<void> {
  if (what === "release") await rollBack(place.env, live, to);
  else if (afterwards === "discard") await discardChanges(place);
  else await storeValues(place, changes);
}

/** Stores the values after the changes, with the type and comment that each key has now. */
export async function storeValues(place: Place, changes: KeyChange[]): Promise<void> {
  const stored = await get<OpenNamespaceDTO>(`${namespacePath(place)}?fillItemDetail=true&extendInfo=true`);
  const format = stored?.format ?? "properties";
  if (format !== "properties") {
    await saveText(place, format, changes[0]?.after ?? "");
    return;
  }
  const items = new Map((stored?.items ?? []).map((item) => [item.key, item]));
  const puts = changes.flatMap(({ key, after }): Item[] => {
    if (after === null) return [];
    const { type = 0, comment = "" } = items.get(key) ?? {};
    return [{ key, value: after, type, comment }];
  });
  if (puts.length > 0) await putItems(place, puts);
  for (const { key, after } of changes) {
    const item = items.get(key);
    if (after === null && item && !item.extendInfo?.isDeleted) await deleteItem(place, key);
  }
}
