// Which document a text is, and the parts of its lines that have a colour. Pure.
import type { Word } from "./diff";

export type Language = "json" | "xml" | "yaml";

/** A part of a text; `kind` is what it is in the syntax. */
export interface Coloured {
  from: number;
  to: number;
  kind: string;
}

/** A piece of a word. */
export interface Piece {
  text: string;
  kind: string | undefined;
}

/** By the ends of names of namespaces. */
const LANGUAGES = new Map<string, Language>([
  ["json", "json"],
  ["xml", "xml"],
  ["yml", "yaml"],
  ["yaml", "yaml"],
]);

/** The language of the document that is the only item of a namespace; undefined for any other item. */
export function languageOf(ns: string, key: string): Language | undefined {
  return key === "content" ? LANGUAGES.get(ns.slice(ns.lastIndexOf(".") + 1)) : undefined;
}

/** The coloured parts of each line of a text, counted from the start of the line. Parts must be in order. */
export function byLine(text: string, parts: Coloured[]): Coloured[][] {
  let start = 0;
  let first = 0;
  return text.split("\n").map((line) => {
    const end = start + line.length;
    while (first < parts.length && (parts[first]?.to ?? 0) <= start) first++;
    const found: Coloured[] = [];
    for (let i = first; i < parts.length; i++) {
      const part = parts[i];
      if (!part || part.from >= end) break;
      found.push({ ...part, from: Math.max(part.from, start) - start, to: Math.min(part.to, end) - start });
    }
    start = end + 1;
    return found;
  });
}

/** The words of a line, each cut where a colour begins or ends. Words and parts are in order, and each is visited once. */
export function pieces(words: Word[], parts: Coloured[]): Piece[][] {
  let end = 0;
  let next = 0;
  return words.map(({ text }) => {
    const start = end;
    end += text.length;
    const found: Piece[] = [];
    const add = (from: number, to: number, kind?: string) => {
      if (from < to) found.push({ text: text.slice(from - start, to - start), kind });
    };
    let at = start;
    for (let part = parts[next]; part && part.from < end; part = parts[next]) {
      const to = Math.min(part.to, end);
      add(at, part.from);
      add(Math.max(at, part.from), to, part.kind);
      at = Math.max(at, to);
      // The rest belongs to the next word.
      if (part.to > end) break;
      next++;
    }
    add(at, end);
    return found;
  });
}
