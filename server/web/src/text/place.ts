// The place of an error in a document, as the server's parsers write it into their messages. Pure.

/** Line and column, from 1, of messages such as `expected key at line 3 column 2`. */
export function errorPlace(message: string): { line: number; column?: number } | null {
  const [, line, column] = /\bline[ =](\d+)(?: column (\d+))?/.exec(message) ?? [];
  if (line === undefined) return null;
  return column === undefined ? { line: Number(line) } : { line: Number(line), column: Number(column) };
}
