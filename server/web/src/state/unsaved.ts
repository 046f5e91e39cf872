// Edits that are not stored on the server yet, kept in this browser so that neither a reload nor an
// expired session loses them.
const PREFIX = "castalia.unsaved.";

export interface Unsaved<Edit> {
  edit: Edit;
  /** The state of the namespace on which it is based. */
  revision: string;
}

export function readUnsaved<Edit>(name: string): Unsaved<Edit> | null {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? null : (JSON.parse(text) as Unsaved<Edit>);
  } catch {
    return null;
  }
}

export function keepUnsaved<Edit>(name: string, unsaved: Unsaved<Edit>): void {
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
