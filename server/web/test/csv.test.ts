// Items as a table for a spreadsheet.
import { expect, it } from "vitest";

import { itemsAsCsv, type CsvItem } from "../src/text/csv";

const item = (part: Partial<CsvItem>): CsvItem => {
  return { key: "limit", value: "1", type: 0, comment: "", by: "apollo", at: "2026-11-22T10:00:00", ...part };
};
const line = (part: Partial<CsvItem>) => itemsAsCsv([item(part)]).split("\r\n")[1];

it("writes a byte order mark, the names of the columns, and each line with CR LF", () => {
  expect(itemsAsCsv([])).toBe("\uFEFFkey,value,type,comment,changed by,changed at\r\n");
  expect(line({})).toBe("limit,1,string,,apollo,2026-11-22T10:00:00");
});

it("names the type, and leaves an unknown time empty", () => {
  expect(line({ type: 1, at: undefined })).toBe("limit,1,number,,apollo,");
  expect(line({ type: 99 })).toBe("limit,1,string,,apollo,2026-11-22T10:00:00");
});

it("quotes commas, quotes and line breaks", () => {
  expect(line({ value: "a,b" })).toContain(',"a,b",');
  expect(line({ value: 'say "hi"' })).toContain(',"say ""hi""",');
  expect(itemsAsCsv([item({ value: "a\nb" })])).toContain(',"a\nb",');
  expect(itemsAsCsv([item({ value: "a\rb" })])).toContain(',"a\rb",');
});

it("marks what a spreadsheet would run as a formula, but not numbers", () => {
  for (const formula of ["=1+1", "@SUM(A1)", "+A1", "-A1", "\tx", "-1-1"]) {
    expect(line({ value: formula }), formula).toContain(`,'${formula},`);
  }
  expect(line({ key: '=HYPERLINK("x")' })).toMatch(/^"'=HYPERLINK\(""x""\)",/);
  for (const number of ["-1", "+2.5", "-0.25"]) expect(line({ value: number }), number).toContain(`,${number},`);
});
