// Edits that are not stored on the server yet, kept in this browser so that neither a reload nor an
// expired session loses them. They contain values of the namespace, which the next user of the browser
// must not find: what a user left is removed when that user signs out.
const PREFIX = "castalia.unsaved.";
/** Suffix of the name under which the base of an edit is kept. */
const BASE = "+base";
/**
 * What edits: a form for the text of the namespace, for an item, or for a new one. Each has an edit of its own, also if
 * it is in another window. An earlier version had one for all items, without a name.
 */
export type EditForm = "+text" | "" | `+item=${string}` | `+new=${string}`;
/** What follows the user in the name of an edit: the app, environment, cluster and namespace, and the form. */
const OF_PLACE = /^(\+[^+]*){4}(\+text|\+(item|new)=[^+]*)?(\+base)?$/;
/**
 * The same after a name that is not escaped, which may be another user with an app: the form of that user's edit is
 * not the namespace.
 */
const OF_FORMER_PLACE = /^(\+[^+]*){3}\+(?!(text|(item|new)=[^+]*)(\+base)?$)[^+]*(\+text)?(\+base)?$/;

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

/** The edits of items that are kept for a place, which is the name of its edits without a form. */
export function readUnsavedItems<Edit, Was>(place: string): (Unsaved<Edit, Was> & { form: EditForm })[] {
  const forms = keptNames().flatMap((name) => (name.startsWith(place) ? [name.slice(place.length)] : []));
  const ofItems = forms.filter((form): form is EditForm => /^\+(item|new)=[^+]*$/.test(form)).sort();
  return ["" as const, ...ofItems].flatMap((form) => {
    const kept = readUnsaved<Edit, Was>(place + form);
    return kept?.edit ? [{ ...kept, form }] : [];
  });
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

/**
 * If there is no space for all of it, the edit is kept without what its user saw. Returns whether it is kept; otherwise
 * it lasts as long as the page, and what was kept before stays.
 */
export function keepUnsaved<Edit, Was>(name: string, unsaved: Unsaved<Edit, Was>): boolean {
  if (write(name, unsaved)) return true;
  remove(name + BASE);
  const { edit, revision } = unsaved;
  return write(name, { edit, revision });
}

/** Keeps what the user of an edit saw beside it, so that it is not written again with each change of the edit. */
export function keepBase<Was>(name: string, base: Base<Was>): void {
  if (!write(name + BASE, base)) remove(name + BASE);
}

/** Removes an edit, unless it is another one by now, as of another window. */
export function dropUnsaved(name: string, edit: unknown): void {
  const kept = read(name) as Unsaved<unknown, unknown> | null;
  if (kept && JSON.stringify(kept.edit) !== JSON.stringify(edit)) return;
  remove(name);
  remove(name + BASE);
}

/** Under which an edit of a user is kept; `place` has its app, environment, cluster and namespace. */
export function nameOf(userId: string, place: [string, string, string, string], form: EditForm = ""): string {
  return [escaped(userId), ...place].join("+") + form;
}

export function formOfItem(key: string): EditForm {
  return `+item=${escaped(key)}`;
}

/** A new item has no key yet: while one is typed, it may be that of another edit. */
export function formOfNew(): EditForm {
  return `+new=${Date.now()}`;
}

/** Removes all edits of a user. */
export function dropUnsavedOf(userId: string): void {
  const owner = escaped(userId);
  const former = formerOf(owner);
  const isOf = (name: string, owner: string, ofPlace: RegExp) =>
    name.startsWith(owner) && ofPlace.test(name.slice(owner.length));
  const isOwn = (name: string) =>
    isOf(name, owner, OF_PLACE) || (former !== null && isOf(name, former, OF_FORMER_PLACE));
  keptNames().filter(isOwn).forEach(remove);
}

/** The names of all edits, without the prefix. */
function keptNames(): string[] {
  try {
    const names = Array.from({ length: localStorage.length }, (_, at) => localStorage.key(at) ?? "");
    return names.flatMap((name) => (name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
  } catch {
    // There are none if storage is disabled.
    return [];
  }
}

/** A user or a key without the separator of names, so that a name is not the beginning of another one. */
function escaped(text: string): string {
  return text.replace(/[%+]/g, encodeURIComponent);
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
