// Edits that this browser keeps: after a reload they are based on what their user saw, not on what is
// stored by then.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { useSignOut } from "../src/components/useSignOut";
import { collisions, storedItems, type ItemContent } from "../src/state/changes";
import {
  dropUnsaved,
  dropUnsavedOf,
  formOfItem,
  formOfNew,
  keepBase,
  keepUnsaved,
  nameOf,
  readUnsaved,
  wasOf,
} from "../src/state/unsaved";
import { baseOf, changesOf, changesWithoutBase, fromText, valuesOf, type TextItems } from "../src/text/properties";

vi.mock("../src/api/client", () => ({ prefix: "/portal" }));
vi.mock("../src/api/queries", () => ({ useBoot: () => ({ user: { userId: "ann" } }) }));

const kept = new Map<string, string>();
let quota = Infinity;
vi.stubGlobal("localStorage", {
  get length() {
    return kept.size;
  },
  key: (at: number) => [...kept.keys()][at] ?? null,
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, text: string) => {
    const others = [...kept].filter(([other]) => other !== name);
    if (others.reduce((sum, [, { length }]) => sum + length, text.length) > quota) throw new Error("quota");
    kept.set(name, text);
  },
  removeItem: (name: string) => void kept.delete(name),
});
beforeEach(() => {
  kept.clear();
  quota = Infinity;
});
afterAll(() => vi.unstubAllGlobals());

const content = (value: string): ItemContent => ({ value, type: 0, comment: "" });
const draft = (revision: string, ...items: [string, string][]) => ({
  appId: "shop",
  clusterName: "default",
  namespaceName: "application",
  items: items.map(([key, value]) => ({ key, value })),
  revision,
});

/** The collisions of an edit of `limit` that is kept in the browser, and restored on what is stored now. */
function restored(edit: object, stored: ItemContent | null, revision: string) {
  kept.set("castalia.unsaved.ann", JSON.stringify(edit));
  const unsaved = readUnsaved<{ value: string }, ItemContent | null>("ann");
  if (!unsaved) throw new Error("the edit is not kept");
  const was = wasOf(unsaved, { was: stored, revision }, null);
  const change = { key: "limit", was, now: content(unsaved.edit.value) };
  return collisions([change], new Map(stored && [["limit", stored]])).map(({ theirs }) => theirs?.value ?? null);
}

it("a restored edit of an item collides with a newer value, and with a deletion", () => {
  const edit = { edit: content("300"), was: content("100"), revision: "r1" };
  expect(restored(edit, content("200"), "r2")).toEqual(["200"]);
  expect(restored(edit, null, "r2")).toEqual([null]);
  expect(restored(edit, content("100"), "r2"), "others changed another item").toEqual([]);
});

it("a restored new item collides with one that was created meanwhile", () => {
  const edit = { edit: content("300"), was: null, revision: "r1" };
  expect(restored(edit, content("200"), "r2")).toEqual(["200"]);
  expect(restored(edit, null, "r2")).toEqual([]);
});

it("an edit that was kept without what its user saw replaces nothing but the state that it names", () => {
  const edit = { edit: content("300"), revision: "r1" };
  expect(restored(edit, content("200"), "r2")).toEqual(["200"]);
  expect(restored(edit, content("100"), "r1")).toEqual([]);
});

it("a restored text changes only what its user changed", () => {
  const seen = baseOf(draft("r1", ["limit", "100"], ["other", "1"]));
  keepBase("ann", { was: seen.items, revision: seen.revision });
  keepUnsaved("ann", { edit: "limit = 300\nother = 1", revision: seen.revision });
  const now = baseOf(draft("r2", ["limit", "200"], ["other", "2"], ["new", "3"]));
  const unsaved = readUnsaved<string, TextItems>("ann");
  if (!unsaved) throw new Error("the text is not kept");
  const changes = changesOf(fromText(unsaved.edit).lines, wasOf(unsaved, { ...now, was: now.items }, []));
  expect(changes).toEqual([{ key: "limit", was: content("100"), now: content("300") }]);
  expect(collisions(changes, storedItems(now.items)).map(({ theirs }) => theirs?.value)).toEqual(["200"]);
});

it("a text that is too long beside what it is based on is kept without it, in its newest state", () => {
  const was = baseOf(draft("r1", ["limit", "1".repeat(500)])).items;
  quota = 1000;
  keepBase("ann", { was, revision: "r1" });
  for (const edit of ["a", "b".repeat(700)]) {
    keepUnsaved("ann", { edit, revision: "r1" });
    expect(readUnsaved("ann")).toEqual({ edit, revision: "r1", ...(edit === "a" && { was }) });
  }
  dropUnsaved("ann", "b".repeat(700));
  expect([...kept.keys()]).toEqual([]);
});

it("a text has no base of another edit", () => {
  keepUnsaved("ann", { edit: "a", revision: "r1" });
  keepBase("ann", { was: [], revision: "r2" });
  expect(readUnsaved("ann")).toEqual({ edit: "a", revision: "r1" });
});

it("a text without a base is compared by values, and each that differs collides", () => {
  const item = (key: string, value: string) => ({ key, value, type: 1, comment: "why" });
  const items = ["same", "other", "gone"].map((key) => item(key, "1"));
  const changes = changesWithoutBase(valuesOf(fromText("same = 1\nother = 2\nnew = 3").lines), items);
  expect(changes).toEqual([
    { key: "other", was: null, now: { value: "2", type: 1, comment: "why" } },
    { key: "new", was: null, now: content("3") },
    { key: "gone", was: null, now: null },
  ]);
  expect(collisions(changes, storedItems(items)).map(({ change }) => change.key)).toEqual(["other", "gone"]);
});

/** The window of a page, with what is opened in its place. */
function page() {
  const assign = vi.fn();
  const page = Object.assign(new EventTarget(), { location: { assign } });
  vi.stubGlobal("window", page);
  return { assign, fire: (...names: string[]) => names.forEach((name) => page.dispatchEvent(new Event(name))) };
}

/** Keeps edits of a user, and returns the names under which this browser has them. */
function keepOf(userId: string): string[] {
  const before = [...kept.keys()];
  const item = nameOf(userId, ["shop", "DEV", "default", "application"]);
  keepUnsaved(item, { edit: content("300"), was: content("100"), revision: "r1" });
  keepBase(`${item}+text`, { was: [], revision: "r1" });
  keepUnsaved(`${item}+text`, { edit: "limit = 300", revision: "r1" });
  for (const form of [formOfItem("a+b"), formOfNew()]) keepUnsaved(item + form, { edit: content("1"), revision: "r1" });
  return [...kept.keys()].filter((name) => !before.includes(name));
}

// X127
it("nothing that a user left unsaved stays in the browser after the sign-out", () => {
  expect(keepOf("ann")).toHaveLength(5);
  const others = ["bob", "ann+b", "anna", "ann%2Bb"].flatMap(keepOf);
  expect(others).toHaveLength(20);
  const { assign, fire } = page();
  useSignOut()();
  expect(assign).toHaveBeenCalledWith("/portal/user/logout");
  fire("beforeunload", "pagehide");
  expect([...kept.keys()]).toEqual(others);
});

// X127
it("what a former version kept of a user with a plus sign in the name is offered, and removed with the sign-out", () => {
  const former = "castalia.unsaved.ann+b@100%+shop+DEV+default+application";
  const kinds = ["", "+text", "+text+base"];
  kinds.forEach((kind) => kept.set(former + kind, JSON.stringify({ edit: content("300"), revision: "r1" })));
  dropUnsavedOf("ann");
  expect([...kept.keys()]).toEqual(kinds.map((kind) => former + kind));
  // An app whose name ends that of the other user.
  const other = nameOf("ann", ["b@100%", "DEV", "default", "application"]);
  keepUnsaved(other, { edit: content("1"), revision: "r1" });
  keepUnsaved(`${other}+text`, { edit: "limit = 1", revision: "r1" });
  keepBase(`${other}+text`, { was: [], revision: "r1" });
  const forms = [formOfItem("limit"), formOfNew()];
  for (const form of forms) keepUnsaved(other + form, { edit: content("1"), revision: "r1" });
  const user = "ann+b@100%";
  const item = nameOf(user, ["shop", "DEV", "default", "application"]);
  expect(readUnsaved(item)).toEqual({ edit: content("300"), revision: "r1" });
  expect([kept.has(former), kept.has(`castalia.unsaved.${item}`)]).toEqual([false, true]);
  dropUnsavedOf(user);
  expect([...kept.keys()]).toEqual([...kinds, ...forms].map((kind) => `castalia.unsaved.${other}${kind}`));
});

// X127
it("who chooses to stay with an unsaved edit keeps it, and may sign out later", () => {
  const own = keepOf("ann");
  const { fire } = page();
  useSignOut()();
  fire("beforeunload");
  // A reload.
  fire("beforeunload", "pagehide");
  expect([...kept.keys()]).toEqual(own);
  useSignOut()();
  fire("beforeunload");
  useSignOut()();
  fire("beforeunload", "pagehide");
  expect([...kept.keys()]).toEqual([]);
});
