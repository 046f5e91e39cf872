// A short name of a text. Pure.

/** FNV-1a: texts that differ in one digit have digests that are far apart. */
export function digest(text: string): number {
  let hash = 0x811c9dc5;
  for (let n = 0; n < text.length; n++) hash = Math.imul(hash ^ text.charCodeAt(n), 0x01000193);
  return hash >>> 0;
}
