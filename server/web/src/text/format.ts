// Formats times and names for people. Pure: the clock and the language are arguments.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Apollo writes time zones without a colon (`+0800`), which not every browser parses. */
export function parseTime(text: string | undefined): Date | null {
  const time = new Date((text ?? "").replace(/([+-]\d{2})(\d{2})$/, "$1:$2"));
  return Number.isNaN(time.getTime()) ? null : time;
}

/** Relative within a day, then day and time, with the year only if it is not the current one. */
export function since(time: Date, now: Date, language: string): string {
  const age = now.getTime() - time.getTime();
  if (age >= -MINUTE && age < DAY) {
    const relative = new Intl.RelativeTimeFormat(language, { style: "short", numeric: "auto" });
    if (age < MINUTE) return relative.format(0, "second");
    const [count, unit] = age < HOUR ? ([age / MINUTE, "minute"] as const) : ([age / HOUR, "hour"] as const);
    return relative.format(-Math.floor(count), unit).replace(".", "");
  }
  const year = time.getFullYear() === now.getFullYear() ? {} : { year: "numeric" as const };
  const parts = { ...year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false } as const;
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, parts).format(time).replace(",", "");
}

/** Ages by which lists are filtered, as they are written in filters. */
export const AGES = ["24h", "7d", "30d"] as const;
export type Age = (typeof AGES)[number];

/** Whether a time is not older than an age such as `24h` or `7d`. */
export function isWithin(text: string | undefined, age: string, now: Date): boolean {
  const [, count, unit] = /^(\d+)([hd])$/.exec(age) ?? [];
  const time = parseTime(text);
  if (count === undefined || !time) return false;
  return now.getTime() - time.getTime() <= Number(count) * (unit === "h" ? HOUR : DAY);
}

/** The default name of a release: `20261120094210-release`. */
export function releaseName(now: Date): string {
  const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate(), now.getHours(), now.getMinutes()];
  return [...parts, now.getSeconds()].map((part) => String(part).padStart(2, "0")).join("") + "-release";
}

/** Formatted documents are easier to compare line by line; the stored text is not changed. */
export function prettyJson(text: string): string | null {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map((word) => word.slice(0, 1)) : [name.slice(0, 2)];
  return letters.join("").toUpperCase();
}
