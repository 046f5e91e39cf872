// A properties namespace as a text with one line for each item, comment and blank line. Line ends and
// backslashes in values are escaped, so that an untouched line never changes what is stored. Pure.
import type { OpenItemDTO } from "../api/bodies";
import type { Draft } from "../api/queries";
import type { ItemLine } from "../api/schema";
import { contentOf, storedItems, type ItemChange } from "../state/changes";

export type Line = { key: string; value: string } | { comment: string };

/** Items without what the edit of a text does not concern. */
export type TextItems = Pick<OpenItemDTO, "key" | "value" | "type" | "comment" | "lineNum">[];

/** On which the edit of a text is based. */
export interface TextBase {
  /** Null if it is not known: they were not kept with the text, and the namespace has changed since. */
  items: TextItems | null;
  revision: string;
}

export interface TextProblem {
  /** From 1. */
  line: number;
  message: "noSeparator" | "repeatedKey";
}

export function baseOf({ items = [], revision }: Draft): TextBase & { items: TextItems } {
  const stored = items.filter((item) => !item.extendInfo?.isDeleted);
  return {
    items: stored.map(({ key, value, type, comment, lineNum }) => ({ key, value, type, comment, lineNum })),
    revision,
  };
}

export function linesOf(items: OpenItemDTO[]): Line[] {
  const stored = items.filter((item) => !item.extendInfo?.isDeleted);
  return stored
    .toSorted((a, b) => (a.lineNum ?? 0) - (b.lineNum ?? 0))
    .map((item) => (item.key ? { key: item.key, value: item.value ?? "" } : { comment: item.comment ?? "" }));
}

export function toText(lines: Line[]): string {
  return lines
    .map((line) => ("comment" in line ? line.comment : `${escapeKey(line.key)} = ${escapeValue(line.value)}`))
    .join("\n");
}

export function fromText(text: string): { lines: Line[]; problems: TextProblem[] } {
  const lines: Line[] = [];
  const problems: TextProblem[] = [];
  const numbers = new Map<string, number[]>();
  const texts = text.split("\n");
  while (texts.at(-1)?.trim() === "") texts.pop();
  texts.forEach((raw, index) => {
    const line = raw.trim();
    if (line === "" || /^[#!]/.test(line)) {
      lines.push({ comment: line });
      return;
    }
    const [, key, value] = /^((?:\\.|[^\\=])*)=(.*)$/s.exec(line) ?? [];
    if (key === undefined || value === undefined || key.trim() === "") {
      problems.push({ line: index + 1, message: "noSeparator" });
      return;
    }
    const name = unescape(key.trim());
    lines.push({ key: name, value: unescape(value.trim()) });
    // Only the server knows whether its database compares keys without regard to case.
    numbers.set(name, [...(numbers.get(name) ?? []), index + 1]);
  });
  for (const repeated of numbers.values()) {
    if (repeated.length > 1) problems.push(...repeated.map((line) => ({ line, message: "repeatedKey" as const })));
  }
  return { lines, problems: problems.toSorted((a, b) => a.line - b.line) };
}

/** What the lines change of the stored items. Types and comments of items are kept. */
export function changesOf(lines: Line[], items: OpenItemDTO[]): ItemChange[] {
  const stored = storedItems(items);
  const wanted = valuesOf(lines);
  const kept = [...wanted].flatMap(([key, value]): ItemChange[] => {
    const was = stored.get(key) ?? null;
    return was?.value === value ? [] : [{ key, was, now: { ...(was ?? contentOf({})), value } }];
  });
  const removed = [...stored].filter(([key]) => !wanted.has(key)).map(([key, was]) => ({ key, was, now: null }));
  return [...kept, ...removed];
}

/**
 * What these values change of the stored items if it is not known on which items they are based: each stored value
 * that is another one, or that is missing here, collides, so that the user decides. Types and comments are kept.
 */
export function changesWithoutBase(wanted: Map<string, string>, items: OpenItemDTO[]): ItemChange[] {
  const stored = storedItems(items);
  const put = [...wanted].flatMap(([key, value]): ItemChange[] => {
    const theirs = stored.get(key) ?? contentOf({});
    return stored.get(key)?.value === value ? [] : [{ key, was: null, now: { ...theirs, value } }];
  });
  const missing = [...stored.keys()].filter((key) => !wanted.has(key));
  return [...put, ...missing.map((key) => ({ key, was: null, now: null }))];
}

export function valuesOf(lines: Line[]): Map<string, string> {
  return new Map(lines.flatMap((line) => ("key" in line ? [[line.key, line.value] as const] : [])));
}

/** Whether comments, blank lines or the order of items differ, apart from items that are new at the end. */
export function isRearranged(before: Line[], after: Line[]): boolean {
  const [old, now] = [keys(before), keys(after)];
  const rest = after.slice(0, after.findLastIndex((line) => "comment" in line || old.has(line.key)) + 1);
  const kept = before.filter((line) => "comment" in line || now.has(line.key));
  const trace = (lines: Line[]) => lines.map((line) => ("comment" in line ? `#${line.comment}` : `=${line.key}`));
  return trace(kept).join("\n") !== trace(rest).join("\n");
}

/** Lines in an order, and those on which it is based. */
export interface Order {
  before: Line[];
  after: Line[];
}

/** Whether these lines, which are stored now, have an order of others that is neither the old nor the new one. */
export function isOvertaken({ before, after }: Order, stored: Line[]): boolean {
  return isRearranged(before, stored) && isRearranged(stored, after);
}

/**
 * All lines, as a save of these changes states their order: whatever a key or a comment contains. Items that the order
 * lacks, which others have added or keep, follow it.
 */
export function orderOf({ before, after }: Order, changes: ItemChange[]): ItemLine[] {
  const left = keys(before);
  for (const { key, now } of changes) {
    if (now) left.add(key);
    else left.delete(key);
  }
  const ordered = after.flatMap((line): ItemLine[] => {
    if ("comment" in line) return [{ comment: line.comment }];
    return left.delete(line.key) ? [{ key: line.key }] : [];
  });
  return [...ordered, ...[...left].map((key) => ({ key }))];
}

function keys(lines: Line[]): Set<string> {
  return new Set(lines.flatMap((line) => ("key" in line ? [line.key] : [])));
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const ESCAPED: Record<string, string> = { "\\": "\\", n: "\n", r: "\r", t: "\t", "=": "=", "#": "#", "!": "!" };

export function escapeValue(value: string): string {
  const escaped = value.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? character);
  // White space at the edges of a line does not belong to the value, and some editors end a line at a separator.
  return escaped.replace(
    /^\s|\s$|[\u2028\u2029]/g,
    (blank) => `\\u${blank.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function escapeKey(key: string): string {
  return escapeValue(key)
    .replaceAll("=", "\\=")
    .replace(/^[#!]/, (first) => `\\${first}`);
}

/** An unknown escape is two characters, because that is what was typed. */
function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (all, code: string | undefined, character: string) =>
    code ? String.fromCharCode(parseInt(code, 16)) : (ESCAPED[character] ?? all),
  );
}
