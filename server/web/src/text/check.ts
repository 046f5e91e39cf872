// Validation of input by the server's limits, before a call. Results are keys of texts under
// `check`.
import { prettyJson } from "./format";

export const KEY_LENGTH = 128;
export const COMMENT_LENGTH = 256;
export const RELEASE_NAME_LENGTH = 64;
export const APP_ID_LENGTH = 64;
export const APP_NAME_LENGTH = 128;

/** Item types by their number on the wire. */
export const ITEM_TYPES = ["string", "number", "boolean", "json"] as const;

export type Problem =
  "required" | "tooLong" | "appId" | "appIdTaken" | "namespaceTaken" | "number" | "boolean" | "json";
export type HiddenCharacter = "edgeSpace" | "tab" | "noBreakSpace" | "wideComma";

const HIDDEN: [HiddenCharacter, RegExp][] = [
  ["edgeSpace", /^\s|\s$/],
  ["tab", /\t/],
  ["noBreakSpace", /\u00a0/],
  ["wideComma", /，/],
];

export function checkName(text: string, limit: number): Problem | null {
  if (text.trim() === "") return "required";
  return text.length > limit ? "tooLong" : null;
}

export function checkAppId(text: string): Problem | null {
  return checkName(text, APP_ID_LENGTH) ?? (/^[0-9a-zA-Z_-]+[0-9a-zA-Z_.-]*$/.test(text) ? null : "appId");
}

export function checkValue(type: number, value: string): Problem | null {
  switch (ITEM_TYPES[type]) {
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value) ? null : "number";
    case "boolean":
      return /^(true|false)$/.test(value) ? null : "boolean";
    case "json":
      return prettyJson(value) === null ? "json" : null;
    default:
      return null;
  }
}

/** Characters that are invisible and often entered by mistake. */
export function hiddenCharacters(value: string): HiddenCharacter[] {
  return HIDDEN.filter(([, pattern]) => pattern.test(value)).map(([name]) => name);
}
