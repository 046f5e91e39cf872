// Texts: differences, times, checks, and that both languages have the same keys.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import en from "../src/i18n/en.json";
import zh from "../src/i18n/zh.json";
import { checkAppId, checkName, checkValue, hiddenCharacters } from "../src/text/check";
import { diffRows, foldSame, type DiffRow } from "../src/text/diff";
import { initials, parseTime, prettyJson, releaseName, since } from "../src/text/format";

it("no text has a parameter that would change how the library looks texts up", () => {
  for (const texts of [en, zh]) {
    expect(JSON.stringify(texts).match(/{{(ns|lng|lngs|context|defaultValue)}}/g)).toBeNull();
  }
});

const NOW = new Date("2026-11-20T09:42:10Z");

describe("diffRows", () => {
  // What takes too long by the clock is shown as completely different.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  const texts = (rows: DiffRow[]) =>
    rows.map((row) => [row.before, row.after].map((line) => line?.words.map((word) => word.text).join("") ?? null));

  it("gives back both texts, line by line", () => {
    const [before, after] = ["a\nb\nc\nd", "a\nB\nc2\nX\nd"];
    const rows = diffRows(before, after);
    expect(texts(rows).flatMap(([left]) => left ?? [])).toEqual(before.split("\n"));
    expect(texts(rows).flatMap(([, right]) => right ?? [])).toEqual(after.split("\n"));
    expect(rows.at(-1)?.before?.number).toBe(4);
    expect(rows.at(-1)?.after?.number).toBe(5);
  });

  it("marks only the changed words of a line", () => {
    const [row] = diffRows("timeout is 100 ms", "timeout is 150 ms");
    expect(row?.after?.words.filter((word) => word.changed).map((word) => word.text)).toEqual(["150"]);
  });

  it("tells a missing text from an empty one", () => {
    expect(texts(diffRows(null, "x"))).toEqual([[null, "x"]]);
    expect(texts(diffRows("", "x"))).toEqual([["", "x"]]);
    expect(diffRows(null, null)).toEqual([]);
  });

  it("folds lines that are far from a change", () => {
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    const folded = foldSame(diffRows(lines.join("\n"), [...lines, "more"].join("\n")), 3);
    expect(folded[0]).toEqual({ kind: "fold", lines: 17 });
    expect(folded).toHaveLength(1 + 3 + 1);
  });
});

describe("times", () => {
  it("reads zones without a colon", () => {
    expect(parseTime("2019-05-08T09:13:31.000+0800")?.toISOString()).toBe("2019-05-08T01:13:31.000Z");
    expect(parseTime(undefined)).toBeNull();
    expect(parseTime("yesterday")).toBeNull();
  });

  it("is relative within a day and a date after it", () => {
    const ago = (minutes: number, language = "en") => since(new Date(NOW.getTime() - minutes * 60_000), NOW, language);
    expect(ago(0)).toBe("now");
    expect(ago(12)).toBe("12 min ago");
    expect(ago(12, "zh")).toBe("12分钟前");
    expect(ago(60 * 5)).toBe("5 hr ago");
    expect(ago(60 * 24 * 2)).toMatch(/^18 Nov \d\d:\d\d$/);
    expect(ago(60 * 24 * 400)).toMatch(/2025/);
  });

  it("names a release by its second", () => {
    expect(releaseName(new Date(2026, 10, 20, 9, 2, 1))).toBe("20261120090201-release");
  });
});

describe("checks", () => {
  it("accept numbers with sign, decimals and exponent", () => {
    for (const number of ["0", "-1.5", "+2", ".5", "1e9", "1.e-3"]) expect(checkValue(1, number), number).toBeNull();
    for (const text of ["", "1x", "0x10", "1e", " 1"]) expect(checkValue(1, text), text).toBe("number");
  });

  it("accept booleans and JSON documents only as such", () => {
    expect(checkValue(2, "true")).toBeNull();
    expect(checkValue(2, "True")).toBe("boolean");
    expect(checkValue(3, '{"a": [1]}')).toBeNull();
    expect(checkValue(3, "{a: 1}")).toBe("json");
    expect(checkValue(0, "anything")).toBeNull();
    expect(checkValue(9, "of a type that is not known here")).toBeNull();
  });

  it("hold the names to the server's limits", () => {
    expect(checkName(" ", 5)).toBe("required");
    expect(checkName("123456", 5)).toBe("tooLong");
    expect(checkAppId("order-service.v2")).toBeNull();
    expect(checkAppId(".hidden")).toBe("appId");
    expect(checkAppId("my app")).toBe("appId");
  });

  it("name the characters that nobody sees", () => {
    expect(hiddenCharacters("plain value")).toEqual([]);
    expect(hiddenCharacters("a,b，c ")).toEqual(["edgeSpace", "wideComma"]);
    expect(hiddenCharacters("a\tb\u00a0c")).toEqual(["tab", "noBreakSpace"]);
  });
});

describe("small texts", () => {
  it("formats documents and nothing else", () => {
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyJson("true")).toBeNull();
    expect(prettyJson("{broken")).toBeNull();
  });

  it("shortens names of people", () => {
    expect(initials("release-manager")).toBe("RM");
    expect(initials("apollo")).toBe("AP");
    expect(initials("")).toBe("");
  });
});

describe("languages", () => {
  it("have the same texts with the same parameters", () => {
    expect(parameters(zh)).toEqual(parameters(en));
  });
});

/** `key -> parameters` of all texts; forms of a plural count as one. */
function parameters(texts: object, path = ""): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [key, text] of Object.entries(texts) as [string, string | object][]) {
    const at = `${path}${key.replace(/_(one|other)$/, "")}`;
    if (typeof text === "object") Object.assign(found, parameters(text, `${at}.`));
    else found[at] = [...new Set([...text.matchAll(/{{(\w+)}}/g)].map(([, name]) => name ?? ""))].sort();
  }
  return found;
}
