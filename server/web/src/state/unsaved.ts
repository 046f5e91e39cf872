// Edits that are not stored on the server yet, kept in this browser so that neither a reload nor an
// expired session loses them. They contain values of the namespace, which the next user of the browser
// must not find: what a user left is removed when that user signs out.
const PREFIX = "castalia.unsaved.";
/** Suffix of the name under which the base of an edit is kept. */
const BASE = "+base";
/** What edits: a form for one item, or one for the text of the namespace. */
export type EditForm = "" | "+text";
/** What follows the user in the name of an edit: the app, environment, cluster and namespace, and the form. */
const OF_PLACE = /^(\+[^+]*){4}(\+text)?(\+base)?$/;
/**
 * The same after a name that is not escaped, which may be another user with an app: the form of that user's edit is
 * not the namespace.
 */
const OF_FORMER_PLACE = /^(\+[^+]*){3}\+(?!text(\+base)?$)[^+]*(\+text)?(\+base)?$/;

export interface Unsaved<Edit, Was> {
  edit: Edit;
  /** What the user saw when the edit began; unknown if an earlier version of the UI kept the edit, or if there was no space. */
  was?: Was;
  /** The state of the namespace at that time. */
  revision: string;
}

type Base<Was> = Pick<Unsaved<unknown, Was>, "revision"> & { was: Was };

export function readUnsaved<Edit, Was>(name: string): Unsaved<Edit, Was> | null {
  [name, name + BASE].forEach(moveFormer);
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

/** Under which an edit of a user is kept; `place` has its app, environment, cluster and namespace. */
export function nameOf(userId: string, place: [string, string, string, string], form: EditForm = ""): string {
  return [ownerOf(userId), ...place].join("+") + form;
}

/** Removes all edits of a user. */
export function dropUnsavedOf(userId: string): void {
  try {
    const names = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at) ?? "");
    const owner = ownerOf(userId);
    const former = formerOf(owner);
    const isOf = (name: string, owner: string, ofPlace: RegExp) =>
      name.startsWith(PREFIX + owner) && ofPlace.test(name.slice(PREFIX.length + owner.length));
    const isOwn = (name: string) =>
      isOf(name, owner, OF_PLACE) || (former !== null && isOf(name, former, OF_FORMER_PLACE));
    names.filter(isOwn).forEach((name) => localStorage.removeItem(name));
  } catch {
    // There are none if storage is disabled.
  }
}

/** The user's name without the separator of names, so that it is not the beginning of another user's. */
function ownerOf(userId: string): string {
  return userId.replace(/[%+]/g, encodeURIComponent);
}

/**
 * What a version that did not escape names had instead of this one; null if that is the same, or may be the
 * escaped name of another user.
 */
function formerOf(owner: string): string | null {
  const former = decodeURIComponent(owner);
  return former === owner || /%2[5B]/.test(former) ? null : former;
}

/** Moves what a former version kept. Without the space for it, it stays where it is. */
function moveFormer(name: string): void {
  const [owner = ""] = name.split("+");
  const former = formerOf(owner);
  if (former === null) return;
  try {
    const from = PREFIX + former + name.slice(owner.length);
    const text = localStorage.getItem(from);
    if (text === null) return;
    if (localStorage.getItem(PREFIX + name) === null) localStorage.setItem(PREFIX + name, text);
    localStorage.removeItem(from);
  } catch {
    // There is none if storage is disabled.
  }
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
