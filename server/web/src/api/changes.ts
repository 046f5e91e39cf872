// Changes of items that never overwrite those of others: a save is one request, which carries the
// revision on which it is based, and a refused one is repeated if the others changed other keys.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { collisions, edits, rebase, storedItems, withEdits, type Collision, type ItemChange } from "../state/changes";
import { isOvertaken, linesOf, orderOf, type Order } from "../text/properties";
import { ApiError, isStale, type StaleItem } from "./errors";
import { draft, type Place } from "./queries";
import { changeItems, saveText, useWrite } from "./writes";

/** Changes that others have overtaken: the user decides key by key. */
export interface Conflict {
  /** The changes, based on what was stored when the conflict was found, and its revision. */
  changes: ItemChange[];
  revision: string | undefined;
  collisions: Collision[];
  /** The order of the lines, based on what was stored then. */
  order: Order | undefined;
  /** Whether others have arranged the lines, too, so that the order is not kept. */
  isOrderLost: boolean;
  /** Who changed the namespace last. */
  by: string;
  /** Who stored or deleted which key, as far as the server says so. */
  authors: Map<string, StaleItem>;
}

interface Input {
  changes: ItemChange[];
  /** The state of the namespace on which they are based; if it is not known, they are compared with what is stored. */
  revision?: string | undefined;
  /** Of the lines of a properties namespace, if it changes as well. */
  order?: Order | undefined;
}

interface Outcome {
  conflict: Conflict | null;
  /** What was written: nothing in a conflict, and nothing that others had stored already. */
  made: ItemChange[];
  isArranged: boolean;
}

async function apply(place: Place, format: string, { changes, revision, order }: Input): Promise<void> {
  const [first] = changes;
  if (order) await changeItems(place, { ...edits(changes), lines: orderOf(order, changes) }, revision);
  else if (!first) return;
  else if (format !== "properties") await saveText(place, format, first.now?.value ?? "", revision);
  else await changeItems(place, edits(changes), revision);
}

/** Receives the changes that were made, of those that the user wants, perhaps none; and whether lines were arranged. */
type OnDone = (made: ItemChange[], wanted: ItemChange[], isArranged: boolean) => void;

/** In a format other than properties, the only item is the document. */
export function useChanges(place: Place, onDone: OnDone, format = "properties") {
  const cache = useQueryClient();
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const attempt = async (input: Input): Promise<Outcome> => {
    if (input.revision === undefined) return compare(input);
    try {
      await apply(place, format, input);
      return { conflict: null, made: input.changes, isArranged: input.order !== undefined };
    } catch (error) {
      if (!isStale(error)) throw error;
      return compare(input, error);
    }
  };
  /** Makes the changes on what is stored now, unless that is not what they are based on. */
  const compare = async (input: Input, refusal?: unknown): Promise<Outcome> => {
    const fresh = await cache.query({ ...draft(place), staleTime: 0 });
    const stored = storedItems(fresh?.items);
    const found = collisions(input.changes, stored);
    const lines = linesOf(fresh?.items ?? []);
    const isOrderLost = input.order !== undefined && isOvertaken(input.order, lines);
    const order = input.order && !isOrderLost ? { ...input.order, before: lines } : undefined;
    if (found.length > 0 || isOrderLost || !fresh) {
      const stale = refusal instanceof ApiError ? refusal.stale : undefined;
      const authors = new Map((stale?.items ?? []).map((item) => [item.key, item]));
      // Of several authors, none is named in the title.
      const names = new Set(found.map(({ change }) => authors.get(change.key)?.by ?? stale?.by ?? ""));
      if (found.length === 0) names.add(stale?.by ?? "");
      const by = names.size === 1 ? ([...names][0] ?? "") : "";
      const revision = fresh?.revision ?? input.revision;
      const changes = rebase(input.changes, stored);
      const conflict = { changes, revision, collisions: found, order, isOrderLost, by, authors };
      return { conflict, made: [], isArranged: false };
    }
    return attempt({ changes: rebase(input.changes, stored), revision: fresh.revision, order });
  };
  const write = useWrite(attempt, place, ({ conflict, made, isArranged }, { changes }) => {
    setConflict(conflict);
    if (conflict) return;
    // Without waiting until the namespace is read again: another edit of the same key has to be based on this one.
    cache.setQueryData(draft(place).queryKey, (old) => old && { ...old, items: withEdits(old.items ?? [], made) });
    onDone(made, changes, isArranged);
  });
  /** Writes the own value of the chosen keys; the others keep what is stored, which the user saw. */
  const resolve = (mine: Set<string>) => {
    if (!conflict) return;
    const isTheirs = (key: string) => !mine.has(key) && conflict.collisions.some(({ change }) => change.key === key);
    const changes = conflict.changes.filter(({ key }) => !isTheirs(key));
    write.mutate({ changes, revision: conflict.revision, order: conflict.order });
  };
  return {
    run: (changes: ItemChange[], revision?: string, order?: Order) => write.mutate({ changes, revision, order }),
    resolve,
    conflict,
    closeConflict: () => setConflict(null),
    isPending: write.isPending,
    error: write.error,
  };
}
