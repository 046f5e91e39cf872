// Edits that are not stored on the server yet, kept in this browser so that neither a reload nor an
// expired session loses them.
const PREFIX = "castalia.unsaved.";

export interface Unsaved<Edit, Was> {
  edit: Edit;
  /** What the user saw when the edit began; edits that an earlier version of the UI kept do not have it. */
  was?: Was;
  /** The state of the namespace at that time. */
  revision: string;
}

export function readUnsaved<Edit, Was>(name: string): Unsaved<Edit, Was> | null {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? null : (JSON.parse(text) as Unsaved<Edit, Was>);
  } catch {
    return null;
  }
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

export function keepUnsaved<Edit, Was>(name: string, unsaved: Unsaved<Edit, Was>): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(unsaved));
  } catch {
    // Storage may be full or disabled; the edit then lasts as long as the page.
  }
}

export function dropUnsaved(name: string): void {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // There is none if storage is disabled.
  }
}
