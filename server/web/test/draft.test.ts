// Items against the live release: states, order, filter.
import { describe, expect, it } from "vitest";

import type { OpenItemDTO } from "../src/api/bodies";
import { withEdits } from "../src/state/changes";
import { countChanges, draftRows, filterRows, replaceWord, toggleWord, wordOf } from "../src/state/draft";

const ITEMS: OpenItemDTO[] = [
  { key: "b.same", value: "1", lineNum: 1, extendInfo: { isModified: false, oldValue: "1" } },
  { key: "", value: "", comment: "# a comment line", lineNum: 2 },
  { key: "c.new", value: "true", lineNum: 3, extendInfo: { isModified: true, isNewlyAdded: true } },
  { key: "d.gone", value: "x", extendInfo: { isModified: true, isDeleted: true, oldValue: "x" } },
  { key: "a.changed", value: "150", comment: "Limit", lineNum: 4, extendInfo: { isModified: true, oldValue: "100" } },
  { key: "e.plain", value: "2", lineNum: 5, dataChangeLastModifiedBy: "cart-dev" },
];

describe("draftRows", () => {
  const rows = draftRows(ITEMS);

  it("puts changes first and leaves out lines without a key", () => {
    expect(rows.map((row) => row.key)).toEqual(["a.changed", "c.new", "d.gone", "b.same", "e.plain"]);
    expect(rows.map((row) => row.state)).toEqual(["modified", "added", "deleted", "live", "live"]);
  });

  it("tells what is stored and what clients read", () => {
    expect(rows.map(({ value, live }) => [value, live])).toEqual([
      ["150", "100"],
      ["true", null],
      [null, "x"],
      ["1", "1"],
      ["2", "2"],
    ]);
  });

  it("takes an absent live value of a modified item for an empty one", () => {
    const [row] = draftRows([{ key: "k", value: "v", extendInfo: { isModified: true } }]);
    expect(row?.live).toBe("");
  });

  it("counts the changes by kind", () => {
    expect(countChanges(rows)).toEqual({ modified: 1, added: 1, deleted: 1, all: 3 });
  });
});

describe("filterRows", () => {
  const keys = (filter: string) => filterRows(draftRows(ITEMS), filter).map((row) => row.key);

  it("selects by type, person and comment, and by one of several words of a name", () => {
    expect(keys("has:comment")).toEqual(["a.changed"]);
    expect(keys("by:CART")).toEqual(["e.plain"]);
    expect(keys("type:json")).toEqual([]);
    expect(keys("type:json type:string plain")).toEqual(["e.plain"]);
    expect(keys("state:new state:deleted")).toEqual(["c.new", "d.gone"]);
    expect(keys("http://x")).toEqual([]);
  });

  it("looks in key, value, live value, comment and person, and needs every word", () => {
    expect(keys("100")).toEqual(["a.changed"]);
    expect(keys("LIMIT 150")).toEqual(["a.changed"]);
    expect(keys("limit true")).toEqual([]);
    expect(keys("cart-dev")).toEqual(["e.plain"]);
  });

  it("chooses states by words, of which one is enough", () => {
    expect(keys("state:changed")).toEqual(["a.changed", "c.new", "d.gone"]);
    expect(keys("state:new state:deleted")).toEqual(["c.new", "d.gone"]);
    expect(keys("state:unheard-of")).toEqual([]);
  });

  it("keeps everything without words", () => {
    expect(keys("  ")).toHaveLength(5);
  });
});

describe("words with a name", () => {
  it("select rows by the age of their last change", () => {
    const at = "2026-11-20T10:00:00.000+0000";
    const rows = draftRows([{ key: "k", value: "v", dataChangeLastModifiedTime: at }, ...ITEMS]);
    const count = (filter: string, now: string) => filterRows(rows, filter, new Date(now)).length;
    expect(count("within:2h", "2026-11-20T12:00:00Z")).toBe(1);
    expect(count("within:2h", "2026-11-20T12:00:01Z")).toBe(0);
    expect(count("within:2h within:7d", "2026-11-26T12:00:00Z")).toBe(1);
    expect(count("within:soon", "2026-11-20T10:00:00Z")).toBe(0);
  });

  it("are read, replaced and removed, leaving the others", () => {
    expect(wordOf("cart type:json", "type:")).toBe("json");
    expect(wordOf("cart", "type:")).toBe("");
    expect(replaceWord("type:json cart type:number", "type:", "string")).toBe("type:string cart");
    expect(replaceWord("type:json cart", "type:", "")).toBe("cart");
  });
});

describe("toggleWord", () => {
  it("switches one word and leaves the others", () => {
    expect(toggleWord("cart", "state:changed")).toBe("state:changed cart");
    expect(toggleWord("state:changed  cart", "state:changed")).toBe("cart");
  });
});

describe("withEdits", () => {
  const edit = (key: string, value: string) => ({ key, was: null, now: { value, type: 0, comment: "" } });
  const states = (...edits: ReturnType<typeof edit>[]) =>
    Object.fromEntries(
      draftRows(withEdits(ITEMS, edits)).map(({ key, state, value, live }) => [key, [state, value, live]]),
    );

  it("marks an edited item as modified, and keeps what is live", () => {
    expect(states(edit("e.plain", "3"), edit("a.changed", "200"))).toMatchObject({
      "e.plain": ["modified", "3", "2"],
      "a.changed": ["modified", "200", "100"],
    });
  });

  it("takes an item that has its live value again for live, and a new one for new", () => {
    expect(states(edit("a.changed", "100"), edit("c.new", "false"))).toMatchObject({
      "a.changed": ["live", "100", "100"],
      "c.new": ["added", "false", null],
    });
  });

  it("leaves deletions and keys that are added to the server", () => {
    const deleted = { key: "e.plain", was: { value: "2", type: 0, comment: "" }, now: null };
    expect(withEdits(ITEMS, [deleted, edit("other", "1"), edit("d.gone", "y")])).toEqual(ITEMS);
  });
});
