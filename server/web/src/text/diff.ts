// Two texts as rows of lines side by side, with the changed words marked. Pure; independent of the
// display.
import { diffArrays, diffWordsWithSpace } from "diff";

const CONTEXT_LINES = 3;
/** Longer comparisons would block the page; the texts are then shown as completely different. */
const LIMIT_MS = 500;

export interface Word {
  text: string;
  changed: boolean;
}

export interface Line {
  number: number;
  words: Word[];
}

/** One side is null if the other has an additional line. */
export interface DiffRow {
  kind: "same" | "changed";
  before: Line | null;
  after: Line | null;
}

export interface Fold {
  kind: "fold";
  lines: number;
}

/** `null` is a text that does not exist, which is not the same as an empty one. */
export function diffRows(before: string | null, after: string | null): DiffRow[] {
  const rows: DiffRow[] = [];
  const [from, to] = [before?.split("\n") ?? [], after?.split("\n") ?? []];
  const count = { before: 0, after: 0 };
  const line = (words: Word[], side: keyof typeof count): Line => ({ number: ++count[side], words });
  let [removed, added]: [string[], string[]] = [[], []];
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
      const [old, now] = markWords(removed[i], added[i]);
      rows.push({ kind: "changed", before: old && line(old, "before"), after: now && line(now, "after") });
    }
    [removed, added] = [[], []];
  };
  for (const chunk of compare(from, to)) {
    if (chunk.removed) removed.push(...chunk.value);
    else if (chunk.added) added.push(...chunk.value);
    else {
      flush();
      for (const text of chunk.value) {
        const words = [{ text, changed: false }];
        rows.push({ kind: "same", before: line(words, "before"), after: line(words, "after") });
      }
    }
  }
  flush();
  return rows;
}

/** Replaces long runs of unchanged lines, leaving a few beside each change. */
export function foldSame(rows: DiffRow[], context = CONTEXT_LINES): (DiffRow | Fold)[] {
  const near = rows.map((_, i) => rows.slice(Math.max(0, i - context), i + context + 1).some((r) => r.kind !== "same"));
  const folded: (DiffRow | Fold)[] = [];
  rows.forEach((row, i) => {
    const last = folded.at(-1);
    if (near[i]) folded.push(row);
    else if (last?.kind === "fold") last.lines++;
    else folded.push({ kind: "fold", lines: 1 });
  });
  return folded;
}

function compare(from: string[], to: string[]) {
  const whole = [
    { value: from, removed: true, added: false },
    { value: to, removed: false, added: true },
  ];
  return diffArrays(from, to, { timeout: LIMIT_MS }) ?? whole;
}

function markWords(old: string | undefined, now: string | undefined): [Word[] | null, Word[] | null] {
  const parts =
    old !== undefined && now !== undefined ? diffWordsWithSpace(old, now, { timeout: LIMIT_MS }) : undefined;
  if (!parts) return [whole(old), whole(now)];
  const side = (gone: "added" | "removed") =>
    parts.filter((part) => !part[gone]).map((part) => ({ text: part.value, changed: part.added || part.removed }));
  return [side("added"), side("removed")];
}

function whole(text: string | undefined): Word[] | null {
  if (text === undefined) return null;
  const indent = /^\s*/.exec(text)?.[0] ?? "";
  const words = [
    { text: indent, changed: false },
    { text: text.slice(indent.length), changed: true },
  ];
  return words.filter((word) => word.text !== "");
}
