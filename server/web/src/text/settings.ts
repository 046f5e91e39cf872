// The known keys of the ServerConfig tables beside the stored rows, and the range of their values. Pure.
import type { KnownSetting, ServerConfig, SettingSource } from "../api/schema";

/** A known key, a stored row, or both. */
export interface SettingRow {
  key: string;
  cluster: string;
  known: KnownSetting | undefined;
  stored: ServerConfig | undefined;
}

/** Known keys in their order, each with its rows; then the rows of other keys. */
export function settingRows(known: KnownSetting[], stored: ServerConfig[]): SettingRow[] {
  const names = new Set(known.map(({ key }) => key));
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
        : [{ key: about.key ?? "", cluster: "", known: about, stored: undefined }];
    }),
    ...stored.filter(({ key = "" }) => !names.has(key)).map((setting) => row(setting, undefined)),
  ];
}

/** Whether there is a row of this key and cluster. Some databases compare keys without regard to case. */
export function isStored(
  stored: ServerConfig[],
  { key = "", cluster }: Pick<ServerConfig, "key" | "cluster">,
): boolean {
  const nameOf = (name = "", of = "") => JSON.stringify([name.toLowerCase(), of || "default"]);
  return stored.some((row) => nameOf(row.key, row.cluster) === nameOf(key, cluster));
}

/** What has precedence over a stored row; undefined if the row is in effect, or is one of other nodes. */
export function hiddenBy({ cluster, known, stored }: SettingRow): SettingSource | undefined {
  const isHidden = ({ kind, name = "" }: SettingSource) => kind === "table" && name === cluster;
  return stored && known?.hidden?.some(isHidden) ? known.source : undefined;
}

/** Whether a text is a whole number within the range of a setting. */
export function isInRange({ minimum = 0, maximum }: KnownSetting, text: string): boolean {
  const number = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  return number >= minimum && number <= (maximum ?? Infinity);
}

/** Values of these keys are not shown until they are edited. */
export function isSecret({ key, known }: Pick<SettingRow, "key" | "known">): boolean {
  return known ? known.isSecret === true : /password|tokens?$|salt/i.test(key);
}

/** A value without the passwords of the addresses in it, such as those of Eureka servers. */
export function shownValue(value: string): string {
  return value.replace(/(:\/\/[^:/@\s,]*):[^/\s,]*@/g, "$1:•••@");
}
