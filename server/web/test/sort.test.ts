// The order of items.
import { expect, it } from "vitest";

import { draftRows } from "../src/state/draft";
import { inOrder } from "../src/state/keptOrder";
import { nextSort, sortRows, type Sort } from "../src/state/sort";

const rows = draftRows([
  { key: "b2", value: "-3", comment: "x", lineNum: 1, dataChangeLastModifiedTime: "2026-11-20T10:00:00.000+0000" },
  { key: "B10", value: "20", lineNum: 2, dataChangeLastModifiedTime: "2026-11-22T10:00:00.000+0000" },
  { key: "a", value: "text", lineNum: 3, dataChangeLastModifiedTime: "2026-11-21T10:00:00.000+0000" },
  { key: "c", value: "1e1", lineNum: 4 },
  { key: "d", value: "", lineNum: 5 },
]);
const keys = (sort: Sort | undefined) => sortRows(rows, sort).map(({ key }) => key);

it("leaves the order without a column", () => {
  expect(keys(undefined)).toEqual(["b2", "B10", "a", "c", "d"]);
});

it("orders keys by their numbers, without regard to case", () => {
  expect(keys("key")).toEqual(["a", "b2", "B10", "c", "d"]);
  expect(keys("-key")).toEqual(["d", "c", "B10", "b2", "a"]);
});

it("orders values as numbers, then as texts, and empty ones last", () => {
  expect(keys("value")).toEqual(["b2", "c", "B10", "a", "d"]);
  expect(keys("-value")).toEqual(["a", "B10", "c", "b2", "d"]);
});

it("orders by time, and rows without one come last in both directions", () => {
  expect(keys("changed")).toEqual(["b2", "a", "B10", "c", "d"]);
  expect(keys("-changed")).toEqual(["B10", "a", "b2", "c", "d"]);
});

it("keeps the order of equal rows", () => {
  expect(keys("type")).toEqual(["b2", "B10", "a", "c", "d"]);
});

it("goes from one direction to the other and back to none, times with the newest first", () => {
  expect(nextSort(undefined, "key")).toBe("key");
  expect(nextSort("key", "key")).toBe("-key");
  expect(nextSort("-key", "key")).toBeUndefined();
  expect(nextSort("key", "changed")).toBe("-changed");
  expect(nextSort("-changed", "changed")).toBe("changed");
});

it("keeps the places of rows that are edited, and puts new ones first", () => {
  const edited = [{ key: "new" }, ...["c", "d", "b2", "a"].map((key) => ({ key }))];
  expect(inOrder(edited, ["a", "b2", "B10", "c", "d"]).map(({ key }) => key)).toEqual(["new", "a", "b2", "c", "d"]);
});
