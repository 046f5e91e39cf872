// A rollback, and what happens to the items afterwards: they still have the withdrawn values.
import type { Draft, Place } from "./queries";
import { changeItems, discardChanges, rollBack, saveText } from "./writes";
import { edits, rebase, storedItems, type ItemChange } from "../state/changes";
import { draftRows, lostChanges, type KeyChange } from "../state/draft";

/**
 * `keep`: the items stay as they are. `reset`: the keys that the rollback changes get the values of
 * the target. `discard`: all items match the target.
 */
export const AFTERWARDS = ["reset", "keep", "discard"] as const;
export type Afterwards = (typeof AFTERWARDS)[number];

export interface Plan {
  place: Place;
  live: number;
  to: number;
  changes: KeyChange[];
  /** What is done with the items as the user saw them; null if they stay. A newer draft is not replaced. */
  items: { how: Exclude<Afterwards, "keep">; draft: Draft } | null;
}

export interface Step {
  /** The rollback itself, or what follows. */
  what: "release" | "items";
  plan: Plan;
}

export function steps(plan: Plan): Step[] {
  return [{ what: "release", plan }, ...(plan.items ? [{ what: "items", plan } as const] : [])];
}

/** Returns an error, or null, for each step. After a failure the next ones fail too: the items follow the release. */
export async function runSteps(list: Step[]): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (const step of list) {
    const earlier = errors.at(-1) ?? null;
    errors.push(
      earlier ??
        (await runStep(step).then(
          () => null,
          (error: unknown) => error,
        )),
    );
  }
  return errors;
}

/** A rollback changes no item. It is refused as well if the items that follow it would be. */
async function runStep({ what, plan }: Step): Promise<void> {
  const { place, live, to, items } = plan;
  if (what === "release") await rollBack(place.env, live, to, items?.draft.revision);
  else await setItems(plan);
}

/** Sets the items alone: for single keys without a rollback. */
export async function setItems({ place, changes, items }: Plan): Promise<void> {
  if (items?.how === "discard") await discardChanges(place, items.draft.revision);
  else if (items) await storeValues(place, changes, items.draft);
}

/** The unpublished values that a plan replaces, each beside the one that follows it. */
export function lostBy({ changes, items }: Plan): KeyChange[] {
  if (!items) return [];
  const targets = new Map(changes.map(({ key, after }) => [key, after]));
  const rows = draftRows(items.draft.items ?? []);
  return lostChanges(rows, ({ key, before }) =>
    targets.has(key) || items.how === "reset" ? targets.get(key) : before,
  );
}

/** Stores the values after the changes, with the type and comment that each key has now. */
async function storeValues(place: Place, changes: KeyChange[], draft: Draft): Promise<void> {
  const { format = "properties", revision } = draft;
  if (format !== "properties") {
    await saveText(place, format, changes[0]?.after ?? "", revision);
    return;
  }
  const items = new Map((draft.items ?? []).map((item) => [item.key, item]));
  const wanted = changes.map(({ key, after }): ItemChange => {
    const { type = 0, comment = "" } = items.get(key) ?? {};
    return { key, was: null, now: after === null ? null : { value: after, type, comment } };
  });
  const left = rebase(wanted, storedItems(draft.items));
  if (left.length > 0) await changeItems(place, edits(left), revision);
}
