// Syntax colours of differences, and what a rollback withdrew.
import { expect, it } from "vitest";

import type { OpenReleaseHistoryDTO } from "../src/api/schema";
import { releaseEntry, withdrawnReleases } from "../src/state/history";
import { byLine, languageOf, pieces } from "../src/text/colour";
import { highlight } from "../src/text/highlight";

it("knows the language of a document by the name of its namespace", () => {
  expect(languageOf("payment.yml", "content")).toBe("yaml");
  expect(languageOf("rules.json", "content")).toBe("json");
  expect(languageOf("note.txt", "content")).toBeUndefined();
  expect(languageOf("application", "content")).toBeUndefined();
  expect(languageOf("payment.yml", "other")).toBeUndefined();
  // X143
  expect(languageOf("payment.constructor", "content")).toBeUndefined();
});

it("colours lines, also parts that go over several lines", () => {
  const text = 'a: 1\nb: "x\n  y"\n';
  const lines = byLine(text, highlight("yaml", text));
  expect(lines[0]).toContainEqual({ from: 0, to: 1, kind: "name" });
  expect(lines[1]).toContainEqual({ from: 3, to: 5, kind: "string" });
  expect(lines[2]).toContainEqual({ from: 0, to: 4, kind: "string" });
  expect(lines[3]).toEqual([]);
});

it("cuts words where a colour begins or ends, and loses no text", () => {
  const words = [
    { text: '"a": ', changed: false },
    { text: "100", changed: true },
    { text: ",", changed: false },
  ];
  const parts = [
    { from: 0, to: 3, kind: "name" },
    { from: 5, to: 8, kind: "atom" },
  ];
  expect(pieces(words, parts)).toEqual([
    [
      { text: '"a"', kind: "name" },
      { text: ": ", kind: undefined },
    ],
    [{ text: "100", kind: "atom" }],
    [{ text: ",", kind: undefined }],
  ]);
  expect(pieces([{ text: "ab", changed: true }], [])).toEqual([[{ text: "ab", kind: undefined }]]);
});

it("cuts a part that goes over several words, and a long line at once", () => {
  const halves = ["ab", "cd"].map((text) => ({ text, changed: false }));
  expect(pieces(halves, [{ from: 1, to: 3, kind: "string" }])).toEqual([
    [
      { text: "a", kind: undefined },
      { text: "b", kind: "string" },
    ],
    [
      { text: "c", kind: "string" },
      { text: "d", kind: undefined },
    ],
  ]);
  const words = Array.from({ length: 50_000 }, () => ({ text: "<a>", changed: false }));
  const parts = words.map((_, i) => ({ from: 3 * i + 1, to: 3 * i + 2, kind: "name" }));
  expect(pieces(words, parts).flat()).toHaveLength(150_000);
});

it("finds the releases that rollbacks withdrew since the last publish", () => {
  const entries = (...rows: OpenReleaseHistoryDTO[]) => withdrawnReleases(rows.map(releaseEntry));
  const publish = { operation: 0, releaseId: 7, previousReleaseId: 6 };
  const back = { operation: 1, releaseId: 5, previousReleaseId: 6 };
  const furtherBack = { operation: 1, releaseId: 4, previousReleaseId: 5 };
  const gray = { operation: 2, releaseId: 9, previousReleaseId: 8 };
  expect(entries(gray, furtherBack, back, publish)).toEqual([5, 6]);
  expect(entries(publish, back)).toEqual([]);
});
