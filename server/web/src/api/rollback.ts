// A rollback, and what happens to the items afterwards: they still have the withdrawn values.
import type { OpenNamespaceDTO } from "./bodies";
import { getWithRevision } from "./client";
import { namespacePath, type Place } from "./queries";
import { changeItems, discardChanges, rollBack, saveText } from "./writes";
import type { KeyChange } from "../parts/DiffView";
import { edits, rebase, storedItems, type ItemChange } from "../state/changes";

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

/** Returns an error, or null, for each step. After a failure the next ones fail too: the items follow the release. */
export async function runSteps(plan: Plan, list: Step[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const step of list) {
    const earlier = errors.at(-1) ?? null;
    errors.push(
      earlier ??
        (await runStep(plan, step).then(
          () => null,
          (error: unknown) => error,
        )),
    );
  }
  return errors;
}

async function runStep({ place, live, to, changes, afterwards }: Plan, { what }: Step): Promise<void> {
  if (what === "release") await rollBack(place.env, live, to);
  else if (afterwards === "discard") await discardChanges(place);
  else await storeValues(place, changes);
}

/** Stores the values after the changes, with the type and comment that each key has now. */
export async function storeValues(place: Place, changes: KeyChange[]): Promise<void> {
  const path = `${namespacePath(place)}?fillItemDetail=true&extendInfo=true`;
  const { body, revision } = await getWithRevision<OpenNamespaceDTO>(path);
  const format = body?.format ?? "properties";
  if (format !== "properties") {
    await saveText(place, format, changes[0]?.after ?? "", revision);
    return;
  }
  const items = new Map((body?.items ?? []).map((item) => [item.key, item]));
  const stored = storedItems(body?.items);
  const wanted = changes.map(({ key, after }): ItemChange => {
    const { type = 0, comment = "" } = items.get(key) ?? {};
    return { key, was: null, now: after === null ? null : { value: after, type, comment } };
  });
  const left = rebase(wanted, stored);
  if (left.length > 0) await changeItems(place, edits(left), revision);
}
