// Ticks of a review, and the content of a release that is served.
import { expect, it } from "vitest";

import { servedRows } from "../src/state/served";
import { toggleViewed, viewState, type Viewed } from "../src/state/viewed";

const change = (after: string) => ({ key: "limit", state: "modified" as const, before: "1", after });

it("a tick is for one namespace and for what was shown", () => {
  const none: Viewed = new Map();
  const ticked = toggleViewed(none, "application", change("2"));
  expect(viewState(none, "application", change("2"))).toBe("unviewed");
  expect(viewState(ticked, "application", change("2"))).toBe("viewed");
  expect(viewState(ticked, "other", change("2"))).toBe("unviewed");
  expect(viewState(ticked, "application", change("3"))).toBe("outdated");
});

it("an outdated tick is renewed, and a valid one removed", () => {
  const ticked = toggleViewed(new Map(), "application", change("2"));
  const renewed = toggleViewed(ticked, "application", change("3"));
  expect(viewState(renewed, "application", change("3"))).toBe("viewed");
  expect(viewState(toggleViewed(renewed, "application", change("3")), "application", change("3"))).toBe("unviewed");
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
