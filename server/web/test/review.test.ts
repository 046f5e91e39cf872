// Ticks of a review, and the content of a release that is served.
import { expect, it, vi } from "vitest";

import { servedRows } from "../src/state/served";
import { keepViewed, readViewed, toggleViewed, viewState, withoutTicks, type Viewed } from "../src/state/viewed";

const PLACE = { app: "shop", env: "DEV", cluster: "default", ns: "application" };
const OTHER = { ...PLACE, ns: "application.yml" };

const change = (after: string) => ({ key: "limit", state: "modified" as const, before: "1", after });

it("a tick is for one namespace and for what was shown", () => {
  const none: Viewed = new Map();
  const ticked = toggleViewed(none, PLACE, change("2"));
  expect(viewState(none, PLACE, change("2"))).toBe("unviewed");
  expect(viewState(ticked, PLACE, change("2"))).toBe("viewed");
  expect(viewState(ticked, OTHER, change("2"))).toBe("unviewed");
  expect(viewState(ticked, PLACE, change("3"))).toBe("outdated");
});

it("an outdated tick is renewed, and a valid one removed", () => {
  const ticked = toggleViewed(new Map(), PLACE, change("2"));
  const renewed = toggleViewed(ticked, PLACE, change("3"));
  expect(viewState(renewed, PLACE, change("3"))).toBe("viewed");
  expect(viewState(toggleViewed(renewed, PLACE, change("3")), PLACE, change("3"))).toBe("unviewed");
});

it("ticks survive a reload without the values, and end with a publish", () => {
  const stored = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (name: string) => stored.get(name) ?? null,
    setItem: (name: string, text: string) => void stored.set(name, text),
  });
  const secret = change("hunter2");
  const ticked = toggleViewed(toggleViewed(new Map(), PLACE, secret), OTHER, secret);
  keepViewed("ann", ticked);
  expect(readViewed("ann")).toEqual(ticked);
  expect(readViewed("bob").size).toBe(0);
  expect([...stored.values()].join()).not.toContain("hunter2");
  const left = withoutTicks(readViewed("ann"), PLACE);
  expect([viewState(left, PLACE, secret), viewState(left, OTHER, secret)]).toEqual(["unviewed", "viewed"]);
  stored.set("castalia.viewed.ann", "{");
  expect(readViewed("ann").size).toBe(0);
  vi.unstubAllGlobals();
});

it("the live release is shown as it is", () => {
  const live = { configurations: { a: "1", b: "" } };
  expect(servedRows(live, live)).toEqual([
    { key: "a", value: "1", live: "1", isGray: false },
    { key: "b", value: "", live: "", isGray: false },
  ]);
  expect(servedRows({}, {})).toEqual([]);
});

it("a gray release begins with its changed, added and missing keys", () => {
  const live = { configurations: { same: "1", changed: "1", missing: "1" } };
  const gray = { configurations: { same: "1", changed: "2", added: "3" } };
  expect(servedRows(gray, live)).toEqual([
    { key: "changed", value: "2", live: "1", isGray: true },
    { key: "added", value: "3", live: null, isGray: true },
    { key: "missing", value: null, live: "1", isGray: true },
    { key: "same", value: "1", live: "1", isGray: false },
  ]);
  expect(servedRows(gray, null).every(({ isGray, live }) => isGray && live === null)).toBe(true);
});
