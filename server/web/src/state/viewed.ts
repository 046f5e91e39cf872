// Which changes of a review somebody has ticked as viewed, kept in this browser. A tick is for what
// was shown then: a change that has become another one since needs a new look.
import type { Place } from "../api/queries";
import type { KeyChange } from "./draft";

/** A digest of what was shown, by namespace and key; the oldest first. */
export type Viewed = ReadonlyMap<string, string>;

export type ViewState = "unviewed" | "viewed" | "outdated";

const MOST = 2000;

export function viewState(viewed: Viewed, place: Place, change: KeyChange): ViewState {
  const seen = viewed.get(nameOf(place, change));
  if (seen === undefined) return "unviewed";
  return seen === digestOf(change) ? "viewed" : "outdated";
}

export function toggleViewed(viewed: Viewed, place: Place, change: KeyChange): Viewed {
  const changed = new Map(viewed);
  changed.delete(nameOf(place, change));
  if (viewState(viewed, place, change) !== "viewed") changed.set(nameOf(place, change), digestOf(change));
  return changed;
}

/** Without the ticks of a namespace whose changes have been published. */
export function withoutTicks(viewed: Viewed, place: Place): Viewed {
  const prefix = nameOf(place);
  return new Map([...viewed].filter(([name]) => !name.startsWith(prefix)));
}

export function readViewed(user: string): Viewed {
  try {
    return new Map(JSON.parse(localStorage.getItem(storedAs(user)) ?? "[]") as [string, string][]);
  } catch {
    return new Map();
  }
}

export function keepViewed(user: string, viewed: Viewed): void {
  try {
    localStorage.setItem(storedAs(user), JSON.stringify([...viewed].slice(-MOST)));
  } catch {
    // Storage may be disabled; the ticks then last as long as the page.
  }
}

const storedAs = (user: string) => `castalia.viewed.${user}`;

/** Of all changes of a namespace the same beginning. */
function nameOf({ app, env, cluster, ns }: Place, change?: KeyChange): string {
  return [app, env, cluster, ns, change?.key ?? ""].join("\n");
}

/** Values are not kept in the browser. FNV-1a with two seeds: Web Crypto needs HTTPS. */
function digestOf({ before, after }: KeyChange): string {
  const text = JSON.stringify([before, after]);
  let [a, b] = [0x811c9dc5, 0x1000193];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ code, 0x85ebca6b);
  }
  return `${(a >>> 0).toString(36)}-${(b >>> 0).toString(36)}-${text.length.toString(36)}`;
}
