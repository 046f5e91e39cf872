// Changes of items that never overwrite those of others: each write carries the revision on which it
// is based, and a refused one is repeated if the others changed other keys.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { collisions, rebase, planned, storedItems, withEdits, type Collision, type ItemChange } from "../state/changes";
import { ApiError, isStale } from "./errors";
import { draft, type Place } from "./queries";
import { createItem, deleteItem, putItems, saveText, updateItem, useWrite } from "./writes";

/** Changes that others have overtaken: the user decides key by key. */
export interface Conflict {
  changes: ItemChange[];
  collisions: Collision[];
  /** Who changed the namespace last. */
  by: string;
}

interface Input {
  changes: ItemChange[];
  /** The state of the namespace on which they are based. */
  revision: string;
}

async function apply(place: Place, format: string, { changes, revision }: Input): Promise<void> {
  if (format !== "properties") {
    await saveText(place, format, changes[0]?.now?.value ?? "", revision);
    return;
  }
  const { values, others, deletions } = planned(changes);
  // Only the first write can have this revision.
  let base: string | undefined = revision;
  const next = () => {
    const own = base;
    base = undefined;
    return own;
  };
  const [only] = values;
  if (only && values.length === 1) {
    const isNew = changes.some(({ key, was }) => key === only.key && !was);
    if (isNew) await createItem(place, only, next());
    else await updateItem(place, only, next());
  } else if (values.length > 1) await putItems(place, values, next());
  for (const item of others) await updateItem(place, item, next());
  for (const key of deletions) await deleteItem(place, key, next());
}

/** In a format other than properties, the only item is the document. */
export function useChanges(place: Place, onDone: (changes: ItemChange[]) => void, format = "properties") {
  const cache = useQueryClient();
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const attempt = async (input: Input): Promise<Conflict | null> => {
    try {
      await apply(place, format, input);
      return null;
    } catch (error) {
      if (!isStale(error)) throw error;
      const fresh = await cache.query({ ...draft(place), staleTime: 0 });
      const stored = storedItems(fresh?.items);
      const found = collisions(input.changes, stored);
      if (found.length > 0 || !fresh) {
        const by = error instanceof ApiError ? (error.stale?.by ?? "") : "";
        return { changes: input.changes, collisions: found, by };
      }
      return attempt({ changes: rebase(input.changes, stored), revision: fresh.revision });
    }
  };
  const write = useWrite(attempt, place, (found, { changes }) => {
    setConflict(found);
    if (found) return;
    // Without waiting until the namespace is read again: another edit of the same key has to be based on this one.
    cache.setQueryData(draft(place).queryKey, (old) => old && { ...old, items: withEdits(old.items ?? [], changes) });
    onDone(changes);
  });
  /** Writes the own value of the chosen keys; the others keep what is stored. */
  const resolve = async (mine: Set<string>) => {
    const fresh = await cache.query({ ...draft(place), staleTime: 0 });
    const kept = conflict?.changes.filter(
      ({ key }) => mine.has(key) || !conflict.collisions.some(({ change }) => change.key === key),
    );
    write.mutate({
      changes: rebase(kept ?? [], storedItems(fresh?.items)),
      revision: fresh?.revision ?? "",
    });
  };
  return {
    run: (changes: ItemChange[], revision: string) => write.mutate({ changes, revision }),
    resolve,
    conflict,
    closeConflict: () => setConflict(null),
    isPending: write.isPending,
    error: write.error,
  };
}
