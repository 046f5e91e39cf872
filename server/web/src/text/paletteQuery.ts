// What is typed into the palette: a scope (`>`, `ns:`, `key:`, `value:`), an environment (`env:PRO`)
// and a text. Pure.

const SCOPES = ["app", "ns", "key", "value"] as const;
export type Scope = (typeof SCOPES)[number] | "actions" | "all";

export interface PaletteQuery {
  scope: Scope;
  env: string | null;
  text: string;
}

export function paletteQuery(typed: string): PaletteQuery {
  if (typed.startsWith(">")) return { scope: "actions", env: null, text: typed.slice(1).trim() };
  let scope: Scope = "all";
  let env: string | null = null;
  const words = typed.split(/\s+/).flatMap((word) => {
    const [, name = "", rest = ""] = /^(\w+):(.*)$/.exec(word) ?? [];
    const known = SCOPES.find((known) => known === name);
    if (known) scope = known;
    else if (name === "env") env = rest.toUpperCase() || null;
    else return [word];
    return known && rest ? [rest] : [];
  });
  return { scope, env, text: words.join(" ").trim() };
}

/** Each word must occur somewhere in the text. */
export function containsWords(text: string, wanted: string): boolean {
  const searched = text.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
