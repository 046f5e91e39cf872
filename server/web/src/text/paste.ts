// Items in a pasted text: properties, .env, or JSON and YAML, whose nested values become keys with
// dots as in a Spring application. Values keep their spelling: 1.10 does not become 1.1. Pure, apart
// from the parser of YAML, which is loaded with the first such text.
import type { Document } from "yaml";

import { ITEM_TYPES } from "./check";

export const PASTE_FORMATS = ["properties", "env", "json", "yaml"] as const;
export type PasteFormat = (typeof PASTE_FORMATS)[number];

export interface PastedItem {
  key: string;
  value: string;
  /** Index in ITEM_TYPES. */
  type: number;
}

export interface PasteProblem {
  /** From 1; null if the text as a whole is meant. */
  line: number | null;
  /** Key of a text under `paste`, or what the parser says. */
  message: "noSeparator" | "noName" | "notNested" | "tooDeep" | { parser: string };
}

export interface Pasted {
  items: PastedItem[];
  problems: PasteProblem[];
}

/** Levels of a document; an alias may refer to a value that contains it. */
const DEPTH = 32;

export function formatOf(text: string): PasteFormat {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s*[#!]/.test(line));
  if (/^\s*[{[]/.test(text)) return "json";
  if (lines.every((line) => /^\s*(export\s+)?[A-Z_][A-Z0-9_]*=/.test(line))) return "env";
  return lines.some((line) => /^\s*(- |[^=\s]+:(\s|$))/.test(line)) ? "yaml" : "properties";
}

export async function parsePasted(text: string, format: PasteFormat): Promise<Pasted> {
  const unix = text.replace(/\r\n?/g, "\n");
  const pasted = format === "env" ? ofEnv(unix) : format === "properties" ? ofProperties(unix) : await ofYaml(unix);
  // Of several values for a key, the last one is meant, as wherever these formats are read.
  return { ...pasted, items: [...new Map(pasted.items.map((item) => [item.key, item])).values()] };
}

/** The format of java.util.Properties: three separators, and lines that a backslash continues. */
function ofProperties(text: string): Pasted {
  const found: Pasted = { items: [], problems: [] };
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let whole = (lines[at] ?? "").trimStart();
    if (whole === "" || /^[#!]/.test(whole)) continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(whole) && at + 1 < lines.length) {
      at += 1;
      whole = whole.slice(0, -1) + (lines[at] ?? "").trimStart();
    }
    const [, key = "", value] = /^((?:\\.|[^\\=:\s])*)(?:\s*[=:]\s*|\s+)(.*)$/s.exec(whole) ?? [];
    if (key === "") found.problems.push({ line, message: value === undefined ? "noSeparator" : "noName" });
    else found.items.push({ key: unescaped(key), value: unescaped((value ?? "").trimEnd()), type: 0 });
  }
  return found;
}

const ESCAPED: Record<string, string> = { n: "\n", r: "\r", t: "\t", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, character: string) =>
    code ? String.fromCharCode(parseInt(code, 16)) : (ESCAPED[character] ?? character),
  );
}

/** Lines `NAME=value`. Quoted values may span lines; in double quotes a backslash escapes. */
function ofEnv(text: string): Pasted {
  const found: Pasted = { items: [], problems: [] };
  const entry = /^[^\S\n]*(?:export[^\S\n]+)?([^\s=#]*)[^\S\n]*=[^\S\n]*("(?:\\.|[^"\\])*"|'[^']*'|[^\n]*)/s;
  let rest = text;
  let line = 1;
  while (rest !== "") {
    const [whole, key = "", raw = ""] = entry.exec(rest) ?? [];
    const end = rest.indexOf("\n", whole?.length ?? 0);
    const taken = end < 0 ? rest.length : end + 1;
    if (whole !== undefined && key !== "") found.items.push({ key, value: envValue(raw), type: 0 });
    else if (!/^\s*(#|\n|$)/.test(rest)) {
      found.problems.push({ line, message: whole === undefined ? "noSeparator" : "noName" });
    }
    line += rest.slice(0, taken).split("\n").length - 1;
    rest = rest.slice(taken);
  }
  return found;
}

function envValue(raw: string): string {
  if (raw.length > 1 && raw.startsWith('"') && raw.endsWith('"')) return unescaped(raw.slice(1, -1));
  if (raw.length > 1 && raw.startsWith("'") && raw.endsWith("'")) return raw.slice(1, -1);
  return raw.replace(/(^|\s)#.*$/, "").trimEnd();
}

/** JSON is YAML too, and this parser keeps the source of each value. */
async function ofYaml(text: string): Promise<Pasted> {
  const yaml = await import("yaml");
  const document = yaml.parseDocument(text, { merge: true, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const line = text.slice(0, error.pos[0]).split("\n").length;
    return { items: [], problems: [{ line, message: { parser: error.message } }] };
  }
  if (document.contents === null) return { items: [], problems: [] };
  if (!yaml.isCollection(document.contents)) return { items: [], problems: [{ line: null, message: "notNested" }] };
  const items: PastedItem[] = [];
  const isShallow = flatten(yaml, document, document.contents, "", 0, items);
  return isShallow ? { items, problems: [] } : { items: [], problems: [{ line: null, message: "tooDeep" }] };
}

type Yaml = typeof import("yaml");

/** Appends the values below a node. Returns whether all were within the greatest depth. */
function flatten(
  yaml: Yaml,
  document: Document,
  node: unknown,
  key: string,
  depth: number,
  into: PastedItem[],
): boolean {
  if (depth > DEPTH) return false;
  const below = (child: unknown, name: string) => flatten(yaml, document, child, name, depth + 1, into);
  if (yaml.isAlias(node)) return below(node.resolve(document), key);
  if (yaml.isMap(node) && node.items.length > 0) {
    // A map's own values replace those that it takes from others, wherever those are named.
    const merged = node.items.filter(({ key: name }) => isMerge(yaml, name));
    const own = node.items.filter(({ key: name }) => !isMerge(yaml, name));
    return [...merged, ...own].every(({ key: name, value }) => {
      if (isMerge(yaml, name)) return below(value, key);
      const text = yaml.isScalar(name) ? (name.source ?? String(name.value)) : String(name);
      return below(value, key === "" ? text : `${key}.${text}`);
    });
  }
  if (yaml.isSeq(node) && node.items.length > 0) {
    return node.items.every((child, at) => below(child, `${key}[${at}]`));
  }
  into.push({ key, ...scalar(yaml, node) });
  return true;
}

function isMerge(yaml: Yaml, name: unknown): boolean {
  return yaml.isScalar(name) && name.source === "<<" && name.type === "PLAIN";
}

function scalar(yaml: Yaml, node: unknown): Omit<PastedItem, "key"> {
  if (!yaml.isScalar(node) || node.value === null) return { value: "", type: 0 };
  const { value, source } = node;
  if (typeof value === "string") return { value, type: 0 };
  const type = ITEM_TYPES.indexOf(typeof value === "boolean" ? "boolean" : "number");
  return { value: source ?? JSON.stringify(value), type };
}
