// A set of item changes, and what has become of it if others changed the same namespace meanwhile.
// Pure.
import type { OpenItemChanges, OpenItemDTO } from "../api/bodies";
import type { PastedItem } from "../text/paste";

/** What becomes of one key. A null value is an item that does not exist. */
export interface ItemChange {
  key: string;
  /** What was stored when the change was made. */
  was: ItemContent | null;
  now: ItemContent | null;
}

export interface ItemContent {
  value: string;
  type: number;
  comment: string;
}

/** A key that someone else has given another value than this change would. */
export interface Collision {
  change: ItemChange;
  /** What is stored now. */
  theirs: ItemContent | null;
}

export function contentOf(item: Pick<OpenItemDTO, "value" | "type" | "comment">): ItemContent {
  return { value: item.value ?? "", type: item.type ?? 0, comment: item.comment ?? "" };
}

/**
 * The stored items by key, without deleted ones and comment lines. Nodes of Apollo can store a key twice: the last item
 * is the one that is published.
 */
export function storedItems(items: OpenItemDTO[] | undefined): Map<string, ItemContent> {
  const stored = (items ?? []).filter((item) => item.key !== "" && !item.extendInfo?.isDeleted);
  return new Map(stored.map((item) => [item.key, contentOf(item)]));
}

/** What pasted items change. Those that exist keep type and comment. */
export function changesBy(items: PastedItem[], stored: Map<string, ItemContent>): ItemChange[] {
  return items.flatMap(({ key, value, type }): ItemChange[] => {
    const was = stored.get(key) ?? null;
    const now = was ? { ...was, value } : { value, type, comment: "" };
    return was?.value === value ? [] : [{ key, was, now }];
  });
}

export function collisions(changes: ItemChange[], stored: Map<string, ItemContent>): Collision[] {
  return changes.flatMap((change) => {
    const theirs = stored.get(change.key) ?? null;
    return isSame(theirs, change.was) || isSame(theirs, change.now) ? [] : [{ change, theirs }];
  });
}

/** The changes that are left to make on what is stored now. */
export function rebase(changes: ItemChange[], stored: Map<string, ItemContent>): ItemChange[] {
  const rebased = changes.map((change) => ({ ...change, was: stored.get(change.key) ?? null }));
  return rebased.filter((change) => !isSame(change.was, change.now));
}

/** The items with the edits among these changes. What adds or deletes keys is left to the server, which knows their lines. */
export function withEdits(items: OpenItemDTO[], changes: ItemChange[]): OpenItemDTO[] {
  const edits = new Map(changes.map(({ key, now }) => [key, now]));
  return items.map((item) => {
    const now = edits.get(item.key);
    const marks = item.extendInfo ?? {};
    if (!now || marks.isDeleted) return item;
    if (marks.isNewlyAdded) return { ...item, ...now };
    const live = (marks.isModified ? marks.oldValue : item.value) ?? "";
    return { ...item, ...now, extendInfo: { ...marks, oldValue: live, isModified: now.value !== live } };
  });
}

export function inverse(changes: ItemChange[]): ItemChange[] {
  return changes.map(({ key, was, now }) => ({ key, was: now, now: was }));
}

/** How the changes are sent. */
export function edits(changes: ItemChange[]): OpenItemChanges {
  const puts = changes.flatMap(({ key, was, now }) => (now ? [{ isNew: !was, item: { key, ...now } }] : []));
  return {
    create: puts.filter(({ isNew }) => isNew).map(({ item }) => item),
    update: puts.filter(({ isNew }) => !isNew).map(({ item }) => item),
    delete: changes.filter(({ was, now }) => was && !now).map(({ key }) => key),
  };
}

function isSame(a: ItemContent | null, b: ItemContent | null): boolean {
  if (!a || !b) return a === b;
  return a.value === b.value && a.type === b.type && a.comment === b.comment;
}
