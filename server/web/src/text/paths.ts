// Two documents compared by the paths of their values, so that comments, order and layout do not count. Pure, apart
// from the parser of YAML, which is loaded with the first document.
import type { KeyChange } from "../state/draft";
import { parsePasted, type PastedItem } from "./paste";

/** The paths whose values differ, in the order of the documents; null if one cannot be parsed. */
export async function pathChanges(before: string | null, after: string | null): Promise<KeyChange[] | null> {
  const [old, now] = await Promise.all([valuesOf(before), valuesOf(after)]);
  if (!old || !now) return null;
  return [...new Set([...now.keys(), ...old.keys()])].flatMap((key): KeyChange[] => {
    const [was, is] = [old.get(key), now.get(key)];
    if (!was) return [{ key, state: "added", before: null, after: is?.value ?? null }];
    if (!is) return [{ key, state: "deleted", before: was.value, after: null }];
    if (was.value !== is.value) return [{ key, state: "modified", before: was.value, after: is.value }];
    return was.type === is.type ? [] : [{ key, state: "modified", before: written(was), after: written(is) }];
  });
}

async function valuesOf(text: string | null): Promise<Map<string, PastedItem> | null> {
  if (text === null) return new Map();
  // JSON is YAML too.
  const { items, problems } = await parsePasted(text, "yaml");
  return problems.length > 0 ? null : new Map(items.map((item) => [item.key, item]));
}

/** A text that looks like a number is told apart from the number. */
function written({ value, type }: PastedItem): string {
  return type === 0 ? JSON.stringify(value) : value;
}
