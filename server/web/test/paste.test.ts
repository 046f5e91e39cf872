import { describe, expect, test } from "vitest";

import { fileName, itemsAs, propertiesFile } from "../src/text/copyAs";
import { formatOf, parsePasted, PASTE_FORMATS, type PasteFormat } from "../src/text/paste";

const parsed = async (text: string, format: PasteFormat = formatOf(text)) => {
  const { items, problems } = await parsePasted(text, format);
  expect(problems).toEqual([]);
  return Object.fromEntries(items.map(({ key, value }) => [key, value]));
};

describe("the format of a pasted text", () => {
  test.each([
    ["# a\ntimeout = 3000\n", "properties"],
    ["timeout:3000", "properties"],
    ["export DB_URL=jdbc:x\nDB_USER='a'", "env"],
    ['{"a": 1}', "json"],
    ["db:\n  url: x\n", "yaml"],
    ["- a\n- b", "yaml"],
  ])("%j is %s", (text, format) => expect(formatOf(text)).toBe(format));
});

test("properties have three separators, continued lines and escapes", async () => {
  expect(await parsed("a=1\nb : 2\nc 3\nd = x\\\n    y\ne\\=f=\\u00e9\\n\n! no\nlast=\n", "properties")).toEqual({
    a: "1",
    b: "2",
    c: "3",
    d: "xy",
    "e=f": "é\n",
    last: "",
  });
  expect((await parsePasted("ok=1\nno-separator", "properties")).problems).toEqual([
    { line: 2, message: "noSeparator" },
  ]);
});

test("an environment file has quotes, comments and values of several lines", async () => {
  const text = 'A=1 # one\nexport B="two\\nlines # kept"\nC=\'$x\\n\'\n\n# D=4\nE="a\nb"\nF=\n';
  expect(await parsed(text, "env")).toEqual({ A: "1", B: "two\nlines # kept", C: "$x\\n", E: "a\nb", F: "" });
  expect((await parsePasted('A="1\n2"\nwrong\n=3', "env")).problems).toEqual([
    { line: 3, message: "noSeparator" },
    { line: 4, message: "noName" },
  ]);
});

test("nested documents become keys, and values keep their spelling", async () => {
  const text =
    'base: &b {x: 1}\nover: {x: 2, <<: *b}\nver: 1.10\nbig: 12345678901234567890\non: true\nlist:\n  - a\n  - {b: "2"}\nmore:\n  <<: *b\nnone:\n';
  expect(await parsed(text)).toEqual({
    "base.x": "1",
    "over.x": "2",
    ver: "1.10",
    big: "12345678901234567890",
    on: "true",
    "list[0]": "a",
    "list[1].b": "2",
    "more.x": "1",
    none: "",
  });
  const { items } = await parsePasted('{"n": 1, "b": false, "s": "1"}', "json");
  expect(items.map(({ type }) => type)).toEqual([1, 2, 0]);
});

test("a broken document is reported with its line, and one without keys is refused", async () => {
  const [problem] = (await parsePasted('{\n  "a": 1,,\n}', "json")).problems;
  expect(problem?.line).toBe(2);
  expect((await parsePasted("just text", "yaml")).problems).toEqual([{ line: null, message: "notNested" }]);
  expect((await parsePasted("a: &a [*a]", "yaml")).problems[0]?.message).toBeDefined();
});

test("of several values for a key the last one is used", async () => {
  expect(await parsed("a=1\na=2")).toEqual({ a: "2" });
});

test.each(PASTE_FORMATS.filter((format) => format !== "env"))(
  "what is copied as %s is pasted as the same",
  async (format) => {
    const items = [
      { key: "plain", value: "text", type: 0 },
      { key: "number", value: "1.50", type: 1 },
      { key: "flag", value: "true", type: 2 },
      { key: "json", value: '{"a": [1, "\\n"]}', type: 3 },
      { key: "odd key=#", value: ' "two"\n\\lines\t ', type: 0 },
      { key: "true", value: "null", type: 0 },
    ];
    const wanted = Object.fromEntries(items.map(({ key, value }) => [key, value]));
    expect(await parsed(itemsAs(format, items), format)).toEqual(wanted);
  },
);

test("a properties file keeps comments and blank lines, and every value", async () => {
  const values = { "a b:c": " x\\ny ", "#key": "1", rest: "ü\n2" };
  const lines = Object.entries(values).map(([key, value]) => ({ key, value }));
  const comments = ["# one", "", "two\nlines"].map((comment) => ({ comment }));
  const text = propertiesFile([...comments, ...lines]);
  expect(text.split("\n").slice(0, 4)).toEqual(["# one", "", "# two", "# lines"]);
  expect(await parsed(text, "properties")).toEqual(values);
});

test.each([
  ["application", "properties", "application.properties"],
  ["rules.yml", "yml", "rules.yml"],
  ["rules.v2", "json", "rules.v2.json"],
])("the file of %s, which is %s, is %s", (ns, format, name) => expect(fileName(ns, format)).toBe(name));

test("names of an environment file are those that Spring reads", async () => {
  const items = [
    { key: "db.pool-size", value: "3", type: 1 },
    { key: "text", value: 'a "b" $c\n', type: 0 },
  ];
  const text = itemsAs("env", items);
  expect(text).toBe('DB_POOLSIZE=3\nTEXT="a \\"b\\" \\$c\\n"\n');
  expect(await parsed(text, "env")).toEqual({ DB_POOLSIZE: "3", TEXT: 'a "b" $c\n' });
});
