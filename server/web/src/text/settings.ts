// The documented keys of the ServerConfig tables, read from the server's documentation, so that the
// page cannot differ from it. Pure.
import type { ServerConfig } from "../api/schema";

export interface KnownSetting {
  key: string;
  fallback: string;
  valid: string;
  about: string;
  /** Takes effect only after a restart of the nodes. */
  needsRestart: boolean;
}

/** A documented key, a stored row, or both. */
export interface SettingRow {
  key: string;
  cluster: string;
  known: KnownSetting | undefined;
  stored: ServerConfig | undefined;
}

const HEADINGS = { portal: "## Portal's database", config: "## Config database" };
const CELL = /(?<!\\)\|/;

export function knownSettings(page: string, table: keyof typeof HEADINGS): KnownSetting[] {
  const section = page.split(HEADINGS[table])[1]?.split("\n## ")[0] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((line) => {
    const [, key = "", fallback = "", valid = "", about = ""] = line.split(CELL).map(plain);
    return { key, fallback, valid, about, needsRestart: about.includes("read at the start") };
  });
}

const plain = (cell: string) => cell.trim().replaceAll("`", "");

/** Documented keys in their order, each with its rows; then the rows of other keys. */
export function settingRows(known: KnownSetting[], stored: ServerConfig[]): SettingRow[] {
  const documented = new Set(known.map(({ key }) => key));
  const row = (setting: ServerConfig, about: KnownSetting | undefined): SettingRow => ({
    key: setting.key ?? "",
    cluster: setting.cluster ?? "",
    known: about,
    stored: setting,
  });
  return [
    ...known.flatMap((about) => {
      const rows = stored.filter(({ key }) => key === about.key);
      return rows.length > 0
        ? rows.map((setting) => row(setting, about))
        : [{ key: about.key, cluster: "", known: about, stored: undefined }];
    }),
    ...stored.filter(({ key = "" }) => !documented.has(key)).map((setting) => row(setting, undefined)),
  ];
}

/** Values of these keys are not shown until they are edited. */
export function isSecret(key: string): boolean {
  return /password|tokens?$|salt/i.test(key) && !key.startsWith("user.token");
}

/** A value without the passwords of the addresses in it, such as those of Eureka servers. */
export function shownValue(value: string): string {
  return value.replace(/(:\/\/[^:/@\s,]*):[^/\s,]*@/g, "$1:•••@");
}
