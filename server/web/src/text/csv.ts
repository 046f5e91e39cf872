// Items as a table for a spreadsheet. Pure.
import { ITEM_TYPES } from "./check";

export interface CsvItem {
  key: string;
  value: string;
  type: number;
  comment: string;
  by: string;
  at: string | undefined;
}

/** Without the mark, Excel does not read UTF-8. */
const BYTE_ORDER_MARK = "\uFEFF";

export function itemsAsCsv(items: CsvItem[]): string {
  const lines = items.map(({ key, value, type, comment, by, at = "" }) => [
    key,
    value,
    ITEM_TYPES[type] ?? "string",
    comment,
    by,
    at,
  ]);
  const all = [["key", "value", "type", "comment", "changed by", "changed at"], ...lines];
  return BYTE_ORDER_MARK + all.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

/** A text that a spreadsheet would run as a formula begins with an apostrophe. */
function field(text: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(text) && !/^[+-]?\d+(\.\d+)?$/.test(text);
  const plain = isFormula ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
