import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { changesOf, widerGrant, type AccessColumn } from "../src/state/access";
import { auditQuery } from "../src/text/audit";
import { hiddenBy, isInRange, isSecret, settingRows, shownValue } from "../src/text/settings";
import translated from "../src/i18n/settings.zh.json";

const page = readFileSync(new URL("../../../docs/server-config.md", import.meta.url), "utf8");

describe("settings", () => {
  const known = [
    { key: "user.token.maxExpireDays", isSecret: false },
    { key: "email.config.password", isSecret: true },
  ];

  it("has a Chinese meaning for every documented key", () => {
    const documented = [...page.matchAll(/^\| `([^`]+)`/gm)].map(([, key = ""]) => key);
    expect(documented.length).toBeGreaterThan(50);
    expect(documented.filter((key) => !(key in translated))).toEqual([]);
  });

  it("lists a key that is not known after the others", () => {
    const rows = settingRows(known, [{ key: "own.key", value: "1" }]);
    expect(rows.at(-1)).toMatchObject({ key: "own.key", known: undefined });
    expect(rows).toHaveLength(known.length + 1);
  });

  it("hides secrets, and values of other keys that look like secrets", () => {
    const rows = settingRows(known, [{ key: "other.password" }, { key: "own.key" }]);
    expect(rows.filter(isSecret).map(({ key }) => key)).toEqual(["email.config.password", "other.password"]);
  });

  it("names what has precedence over a row, but not over one of other nodes", () => {
    const source = { kind: "variable", name: "CASTALIA_A" };
    const a = { key: "a", source, hidden: [{ kind: "table", name: "default" }] };
    const stored = [
      { key: "a", cluster: "default", value: "1" },
      { key: "a", cluster: "other", value: "2" },
    ];
    expect(settingRows([a], stored).map(hiddenBy)).toEqual([source, undefined]);
    expect(settingRows([{ ...a, hidden: [{ kind: "table" }] }], [{ key: "a" }]).map(hiddenBy)).toEqual([source]);
  });

  it("accepts whole numbers within their range", () => {
    const range = { minimum: 5, maximum: 90 };
    expect(["5", " 90 ", "4", "91", "5.5", "-5", "5s", ""].map((text) => isInRange(range, text))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(isInRange({ minimum: 0 }, "9999999999999")).toBe(true);
  });

  it("hides the passwords in addresses", () => {
    expect(shownValue("http://eu:pw@a:8080/eureka/, https://b/eureka/,http://u:p@ss@c/")).toBe(
      "http://eu:•••@a:8080/eureka/, https://b/eureka/,http://u:•••@c/",
    );
    expect(shownValue('{"DEV": "http://a:8080"}')).toBe('{"DEV": "http://a:8080"}');
  });
});

it("searches the audit log by whatever is filled in, and by time in any zone", () => {
  const none = { q: "", app: "", user: "", from: "", to: "" };
  expect(auditQuery(none)).toBe("query=&appId=&operator=&startDate=&endDate=");
  const from = "2026-11-24T00:00";
  const query = new URLSearchParams(auditQuery({ ...none, q: "a b", app: "shop", user: "ann+1", from }));
  expect(query.get("query")).toBe("a b");
  expect(query.get("operator")).toBe("ann+1");
  expect(new Date(query.get("startDate") ?? "").getTime()).toBe(new Date(from).getTime());
  expect(auditQuery({ ...none, to: "soon" })).toContain("endDate=");
});

describe("access matrix", () => {
  const none = { admin: [], edit: [], publish: [] };
  const scope = { app: "shop", ns: "application" };
  const all: AccessColumn = {
    id: "all",
    scope: { kind: "namespace", ...scope },
    holders: { ...none, edit: [{ userId: "ann" }] },
  };
  const dev: AccessColumn = { id: "dev", scope: { kind: "env", env: "DEV", ...scope }, holders: none };

  it("shows a grant for all environments in each of them", () => {
    expect(widerGrant([all, dev], dev, "edit", "ann")).toBe(all);
    expect(widerGrant([all, dev], dev, "publish", "ann")).toBeUndefined();
  });

  it("has no change for a cell that was switched back", () => {
    const edits = new Map([
      [JSON.stringify(["ann", "all", "edit"]), true],
      [JSON.stringify(["ann", "dev", "publish"]), true],
    ]);
    expect(changesOf([all, dev], edits)).toEqual([{ user: "ann", column: dev, right: "publish", isGrant: true }]);
  });
});
