// Edits that are not stored on the server yet, kept in this browser so that neither a reload nor an
// expired session loses them.
const PREFIX = "castalia.unsaved.";
/** Suffix of the name under which the base of an edit is kept. */
const BASE = "+base";

export interface Unsaved<Edit, Was> {
  edit: Edit;
  /** What the user saw when the edit began; unknown if an earlier version of the UI kept the edit, or if there was no space. */
  was?: Was;
  /** The state of the namespace at that time. */
  revision: string;
}

type Base<Was> = Pick<Unsaved<unknown, Was>, "revision"> & { was: Was };

export function readUnsaved<Edit, Was>(name: string): Unsaved<Edit, Was> | null {
  const kept = read(name) as Unsaved<Edit, Was> | null;
  if (!kept || kept.was !== undefined) return kept;
  const base = read(name + BASE) as Base<Was> | null;
  return base?.revision === kept.revision ? { ...kept, was: base.was } : kept;
}

/**
 * What a kept edit is based on. What is stored now is that only if the namespace has not changed
 * since; otherwise, an edit that does not have it is based on `nothing`, so that it collides with
 * whatever is stored instead of replacing it.
 */
export function wasOf<Was>(kept: Unsaved<unknown, Was>, stored: { was: Was; revision: string }, nothing: Was): Was {
  if (kept.was !== undefined) return kept.was;
  return kept.revision === stored.revision ? stored.was : nothing;
}

/** If there is no space for all of it, the edit is kept without what its user saw. */
export function keepUnsaved<Edit, Was>(name: string, unsaved: Unsaved<Edit, Was>): void {
  if (write(name, unsaved)) return;
  remove(name + BASE);
  const { edit, revision } = unsaved;
  // Otherwise the edit lasts as long as the page.
  write(name, { edit, revision });
}

/** Keeps what the user of an edit saw beside it, so that it is not written again with each change of the edit. */
export function keepBase<Was>(name: string, base: Base<Was>): void {
  if (!write(name + BASE, base)) remove(name + BASE);
}

export function dropUnsaved(name: string): void {
  remove(name);
  remove(name + BASE);
}

function read(name: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** Whether there was space for it; storage may also be disabled. */
function write(name: string, value: unknown): boolean {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

function remove(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // There is none if storage is disabled.
  }
}
