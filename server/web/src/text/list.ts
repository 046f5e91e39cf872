// Lists that people type or paste into one field.

/** Splits at white space, commas and semicolons; each entry once. */
export function listOf(text: string): string[] {
  return [...new Set(text.split(/[\s,;，；]+/).filter(Boolean))];
}
