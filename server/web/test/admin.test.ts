import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { changesOf, widerGrant, type AccessColumn } from "../src/state/access";
import { matchesAudit } from "../src/text/audit";
import { isSecret, knownSettings, settingRows, shownValue } from "../src/text/settings";
import translated from "../src/i18n/settings.zh.json";

const page = readFileSync(new URL("../../../docs/server-config.md", import.meta.url), "utf8");

describe("settings", () => {
  const portal = knownSettings(page, "portal");
  const config = knownSettings(page, "config");

  it("reads every documented key with its default, from the right table", () => {
    expect(portal.find(({ key }) => key === "user.token.maxExpireDays")).toMatchObject({ fallback: "365" });
    expect(config.find(({ key }) => key === "long.polling.timeout")).toMatchObject({ fallback: "60" });
    expect(config.find(({ key }) => key === "superAdmin")).toBeUndefined();
    expect(config.find(({ key }) => key === "instance.config.cache.max.size")?.needsRestart).toBe(true);
  });

  it("has a Chinese meaning for every documented key", () => {
    const missing = [...portal, ...config].filter(({ key }) => !(key in translated));
    expect(missing).toEqual([]);
  });

  it("lists a key that is not documented after the others", () => {
    const rows = settingRows(portal, [{ key: "own.key", value: "1" }]);
    expect(rows.at(-1)).toMatchObject({ key: "own.key", known: undefined });
    expect(rows).toHaveLength(portal.length + 1);
  });

  it("hides passwords and tokens, not the lifetime of tokens", () => {
    expect(isSecret("email.config.password")).toBe(true);
    expect(isSecret("admin-service.access.tokens")).toBe(true);
    expect(isSecret("user.token.maxExpireDays")).toBe(false);
  });

  it("hides the passwords in addresses", () => {
    expect(shownValue("http://eu:pw@a:8080/eureka/, https://b/eureka/,http://u:p@ss@c/")).toBe(
      "http://eu:•••@a:8080/eureka/, https://b/eureka/,http://u:•••@c/",
    );
    expect(shownValue('{"DEV": "http://a:8080"}')).toBe('{"DEV": "http://a:8080"}');
  });
});

it("filters the audit log by the app in the path of the request, and by time", () => {
  const log = { description: "127.0.0.1 DELETE /openapi/v1/apps/shop/x", happenedTime: "2026-11-22T11:00:00.000+0000" };
  const all = { app: "", from: "", to: "" };
  expect(matchesAudit(log, { ...all, app: "shop" })).toBe(true);
  expect(matchesAudit(log, { ...all, app: "sho" })).toBe(false);
  expect(matchesAudit(log, { ...all, from: "2026-11-24T00:00" })).toBe(false);
  expect(matchesAudit(log, { ...all, to: "2026-11-20T00:00" })).toBe(false);
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
