// Items as a text for another program: properties, .env, JSON or YAML. Pure.
import { ITEM_TYPES } from "./check";
import type { PastedItem, PasteFormat } from "./paste";
import { escapeKey, escapeValue, type Line } from "./properties";

export const FILE_ENDS: Record<PasteFormat, string> = {
  properties: ".properties",
  env: ".env",
  json: ".json",
  yaml: ".yaml",
};

export function itemsAs(format: PasteFormat, items: PastedItem[]): string {
  const lines = {
    properties: () => items.map(javaLine).join("\n"),
    env: () => items.map(({ key, value }) => `${envName(key)}=${envValue(value)}`).join("\n"),
    json: () => `{\n${items.map((item) => `  ${JSON.stringify(item.key)}: ${literal(item)}`).join(",\n")}\n}`,
    // Every literal of JSON is one of YAML.
    yaml: () => items.map((item) => `${yamlKey(item.key)}: ${literal(item)}`).join("\n"),
  };
  return `${lines[format]()}\n`;
}

/** Names of namespaces end with their format, except those of properties. */
export function fileName(ns: string, format: string): string {
  const end = `.${format}`;
  return ns.toLowerCase().endsWith(end) ? ns : ns + end;
}

/** The lines of a properties namespace, with its comments, as Java reads them. */
export function propertiesFile(lines: Line[]): string {
  const texts = lines.map((line) => ("key" in line ? javaLine(line) : javaComment(line.comment)));
  return texts.map((text) => `${text}\n`).join("");
}

function javaLine({ key, value }: { key: string; value: string }): string {
  return `${javaKey(key)} = ${escapeValue(value)}`;
}

/** Each line of a comment has to begin as one; blank lines are kept. */
function javaComment(comment: string): string {
  return comment
    .split(/\r\n|[\r\n]/)
    .map((line) => (/^\s*([#!]|$)/.test(line) ? line : `# ${line}`))
    .join("\n");
}

/** Java ends a key at the first space or colon too. */
function javaKey(key: string): string {
  return escapeKey(key).replace(/[ :]/g, "\\$&");
}

/** The name under which Spring and others find a key in the environment. */
function envName(key: string): string {
  const name = key
    .replaceAll("-", "")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase();
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

function envValue(value: string): string {
  if (/^[\w./:@%+,-]*$/.test(value)) return value;
  return `"${value
    .replace(/["\\$`]/g, "\\$&")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")}"`;
}

function literal({ value, type }: PastedItem): string {
  const kind = ITEM_TYPES[type];
  const isNumber = kind === "number" && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value);
  const isBoolean = kind === "boolean" && /^(true|false)$/.test(value);
  return isNumber || isBoolean ? value : JSON.stringify(value);
}

function yamlKey(key: string): string {
  return /^[A-Za-z_][\w.-]*$/.test(key) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(key)
    ? key
    : JSON.stringify(key);
}
