// Which changes of a review somebody has ticked as viewed. A tick is for what was shown then: a
// change that has become another one since needs a new look. Pure.
import type { KeyChange } from "./draft";

/** What was shown, by namespace and key. */
export type Viewed = ReadonlyMap<string, string>;

export type ViewState = "unviewed" | "viewed" | "outdated";

export function viewState(viewed: Viewed, ns: string, change: KeyChange): ViewState {
  const seen = viewed.get(nameOf(ns, change));
  if (seen === undefined) return "unviewed";
  return seen === contentOf(change) ? "viewed" : "outdated";
}

export function toggleViewed(viewed: Viewed, ns: string, change: KeyChange): Viewed {
  const changed = new Map(viewed);
  if (viewState(viewed, ns, change) === "viewed") changed.delete(nameOf(ns, change));
  else changed.set(nameOf(ns, change), contentOf(change));
  return changed;
}

const nameOf = (ns: string, { key }: KeyChange) => JSON.stringify([ns, key]);
const contentOf = ({ before, after }: KeyChange) => JSON.stringify([before, after]);
