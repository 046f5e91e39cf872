import { expect, test } from "vitest";

import { pathChanges } from "../src/text/paths";

const changes = async (before: string | null, after: string | null) =>
  (await pathChanges(before, after))?.map(({ key, before, after }) => [key, before, after]);

test("values that differ are named by their paths, those of the new document first", async () => {
  const before = "db:\n  url: a\n  pool: 5\nhosts:\n  - one\n  - two\n";
  const after = "hosts:\n  - one\ndb:\n  url: b\n  pool: 5\n  ssl: true\n";
  expect(await changes(before, after)).toEqual([
    ["db.url", "a", "b"],
    ["db.ssl", null, "true"],
    ["hosts[1]", "two", null],
  ]);
});

test("comments, order and layout are no difference, the type of a value is one", async () => {
  expect(await changes('{"a":1,"b":[true]}', '{\n  "b": [true],\n  "a": 1\n}')).toEqual([]);
  expect(await changes("a: 1 # one\nb: x\n", "b: x\na: 1\n")).toEqual([]);
  expect(await changes('port: "80"\n', "port: 80\n")).toEqual([["port", '"80"', "80"]]);
});

test("a document that does not exist has no values, one that cannot be parsed has no difference", async () => {
  expect(await changes(null, "a: 1\n")).toEqual([["a", null, "1"]]);
  expect(await changes("a: [1", "a: 1\n")).toBeUndefined();
});
