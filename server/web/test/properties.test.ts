// The text of a properties namespace: nothing that is not touched changes.
import { describe, expect, it } from "vitest";

import type { OpenItemDTO } from "../src/api/bodies";
import { changesOf, fromText, isOvertaken, isRearranged, linesOf, orderOf, toText } from "../src/text/properties";

const ITEMS: OpenItemDTO[] = [
  { key: "", comment: "# limits", lineNum: 1 },
  { key: "a", value: "1", type: 1, comment: "Limit", lineNum: 2 },
  { key: "", comment: "", lineNum: 3 },
  { key: "path", value: "C:\\new\\temp", lineNum: 4 },
  { key: "text", value: "two\nlines\t and a backslash-n: \\n ", lineNum: 5 },
  { key: "#x=y", value: "", lineNum: 6 },
  { key: "gone", value: "0", lineNum: 7, extendInfo: { isDeleted: true } },
];

describe("the text of properties", () => {
  it("escapes what a line cannot contain, and reads back what was stored", () => {
    const lines = linesOf(ITEMS);
    const text = toText(lines);
    expect(text.split("\n")).toEqual([
      "# limits",
      "a = 1",
      "",
      "path = C:\\\\new\\\\temp",
      "text = two\\nlines\\t and a backslash-n: \\\\n\\u0020",
      "\\#x\\=y = ",
    ]);
    expect(fromText(text)).toEqual({ lines, problems: [] });
    expect(changesOf(lines, ITEMS)).toEqual([]);
  });

  it("keeps type and comment of a changed item", () => {
    const { lines } = fromText("a = 2\n\\#x\\=y =");
    expect(changesOf(lines, ITEMS).map(({ key, now }) => [key, now])).toEqual([
      ["a", { value: "2", type: 1, comment: "Limit" }],
      ["path", null],
      ["text", null],
    ]);
  });

  it("reports both lines of a repeated key, and lines without a separator", () => {
    expect(fromText("k = 1\nword\nk = 2").problems).toEqual([
      { line: 1, message: "repeatedKey" },
      { line: 2, message: "noSeparator" },
      { line: 3, message: "repeatedKey" },
    ]);
  });

  // X124: databases may store both.
  it("has keys that differ in case as two", () => {
    const items = ["timeout", "TIMEOUT"].map((key, lineNum) => ({ key, value: "1", lineNum }));
    const { lines, problems } = fromText(toText(linesOf(items)).replace("TIMEOUT = 1", "TIMEOUT = 2"));
    expect(problems).toEqual([]);
    expect(changesOf(lines, items).map(({ key, now }) => [key, now?.value])).toEqual([["TIMEOUT", "2"]]);
  });

  it("knows when comments or the order changed", () => {
    const before = fromText("# c\na = 1\nb = 2").lines;
    const after = (text: string) => isRearranged(before, fromText(text).lines);
    expect(after("# c\na = 5\nb = 2\nnew = 3")).toBe(false);
    expect(after("# c\nb = 2")).toBe(false);
    expect(after("# c\nnew = 3\na = 1\nb = 2")).toBe(true);
    expect(after("# d\na = 1\nb = 2")).toBe(true);
    expect(after("# c\nb = 2\na = 1")).toBe(true);
  });

  it("keeps white space at the edges of keys and values, whatever kind it is", () => {
    const [key, value] = ["\u00a0k ", "\u3000v\ufeff"];
    const lines = linesOf([{ key, value }]);
    expect(toText(lines)).toBe("\\u00a0k\\u0020 = \\u3000v\\ufeff");
    expect(fromText(toText(lines)).lines).toEqual(lines);
  });

  // X143: the separators of lines and paragraphs, at which some editors end a line.
  it("reads back values and keys with separators, as it writes them and as they are typed", () => {
    const items = [
      { key: "k\u2029", value: "a\u2028b\u2029", lineNum: 1 },
      { key: "back", value: "\\\u2028", lineNum: 2 },
    ];
    const lines = linesOf(items);
    expect(toText(lines)).toBe("k\\u2029 = a\\u2028b\\u2029\nback = \\\\\\u2028");
    expect(fromText(toText(lines))).toEqual({ lines, problems: [] });
    const typed = fromText("k\u2029x = a\u2028b");
    expect(typed).toEqual({ lines: [{ key: "k\u2029x", value: "a\u2028b" }], problems: [] });
  });

  it("states the order of the lines whatever keys and comments contain", () => {
    const lines = linesOf(ITEMS);
    expect(orderOf({ before: lines, after: lines }, [])).toEqual([
      { comment: "# limits" },
      { key: "a" },
      { comment: "" },
      { key: "path" },
      { key: "text" },
      { key: "#x=y" },
    ]);
  });

  it("states the order of the items that are left, and others follow", () => {
    const order = {
      before: fromText("a = 1\nb = 2\nadded = 3").lines,
      after: fromText("new = 1\n# c\nb = 2\na = 1").lines,
    };
    const content = { value: "1", type: 0, comment: "" };
    const changes = [
      { key: "a", was: content, now: null },
      { key: "new", was: null, now: content },
    ];
    expect(orderOf(order, changes)).toEqual([{ key: "new" }, { comment: "# c" }, { key: "b" }, { key: "added" }]);
    expect(orderOf(order, [])).toEqual([{ comment: "# c" }, { key: "b" }, { key: "a" }, { key: "added" }]);
  });

  it("knows when others have arranged the lines otherwise", () => {
    const [before, after] = [fromText("a = 1\nb = 2").lines, fromText("b = 2\na = 1").lines];
    const by = (text: string) => isOvertaken({ before, after }, fromText(text).lines);
    expect(by("a = 5\nb = 2\nadded = 3")).toBe(false);
    expect(by("b = 2"), "deleted").toBe(false);
    expect(by("b = 2\na = 1"), "the same order").toBe(false);
    expect(by("# c\na = 1\nb = 2")).toBe(true);
  });
});
