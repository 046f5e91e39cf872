// How a save is sent, and what is left of it when others were faster.
import { describe, expect, it } from "vitest";

import { changesBy, edits, rebase, type ItemContent } from "../src/state/changes";

const content = (value: string, type = 0): ItemContent => ({ value, type, comment: "" });

// X124: databases may store both.
it("pasted keys change only the stored ones of the same case", () => {
  const stored = new Map([["TIMEOUT", { ...content("1", 1), comment: "Limit" }]]);
  const pasted = ["timeout", "TIMEOUT"].map((key) => ({ key, value: "5", type: 0 }));
  expect(changesBy(pasted, stored)).toEqual([
    { key: "timeout", was: null, now: content("5") },
    { key: "TIMEOUT", was: stored.get("TIMEOUT"), now: { value: "5", type: 1, comment: "Limit" } },
  ]);
});

describe("edits", () => {
  it("puts each key into one list", () => {
    const sent = edits([
      { key: "new", was: null, now: content("1") },
      { key: "value", was: content("1"), now: content("2") },
      { key: "type", was: content("1"), now: content("1", 1) },
      { key: "gone", was: content("1"), now: null },
      { key: "never", was: null, now: null },
    ]);
    expect(sent.create?.map(({ key }) => key)).toEqual(["new"]);
    expect(sent.update).toEqual([
      { key: "value", ...content("2") },
      { key: "type", ...content("1", 1) },
    ]);
    expect(sent.delete).toEqual(["gone"]);
  });

  it("follows what is stored now", () => {
    const stored = new Map([["there", content("1")]]);
    const wanted = ["there", "absent"].map((key) => ({ key, was: null, now: content("2") }));
    const sent = edits(rebase([...wanted, { key: "never", was: content("1"), now: null }], stored));
    expect([sent.update, sent.create].map((items) => items?.map(({ key }) => key))).toEqual([["there"], ["absent"]]);
    expect(sent.delete).toEqual([]);
  });
});
