// Edits that this browser keeps: after a reload they are based on what their user saw, not on what is
// stored by then.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { collisions, storedItems, type ItemContent } from "../src/state/changes";
import { keepUnsaved, readUnsaved, wasOf } from "../src/state/unsaved";
import { baseOf, changesOf, fromText, type TextBase } from "../src/text/properties";

const kept = new Map<string, string>();
vi.stubGlobal("localStorage", {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, text: string) => void kept.set(name, text),
});
beforeEach(() => kept.clear());
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
  keepUnsaved("ann", { edit: "limit = 300\nother = 1", was: seen.items, revision: seen.revision });
  const now = baseOf(draft("r2", ["limit", "200"], ["other", "2"], ["new", "3"]));
  const unsaved = readUnsaved<string, TextBase["items"]>("ann");
  if (!unsaved) throw new Error("the text is not kept");
  const changes = changesOf(fromText(unsaved.edit).lines, wasOf(unsaved, { ...now, was: now.items }, []));
  expect(changes).toEqual([{ key: "limit", was: content("100"), now: content("300") }]);
  expect(collisions(changes, storedItems(now.items)).map(({ theirs }) => theirs?.value)).toEqual(["200"]);
});
