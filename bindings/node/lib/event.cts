// One change of a namespace: all keys that one release changed.
import { checked } from './error.cjs';
import { inParts } from './pace.cjs';
import type { Snapshot, Source } from './snapshot.cjs';

/** The change of one key. */
export interface Change {
  /** `null` if the key was added. */
  readonly oldValue: string | null;
  /** `null` if the key was deleted. */
  readonly newValue: string | null;
  readonly changeType: 'ADDED' | 'MODIFIED' | 'DELETED';
}

/** Changes by key. */
export type Changed = ReadonlyMap<string, Change>;

/** A promise that a listener returns is awaited before the next call. */
export type ChangeListener = (event: ChangeEvent) => unknown;

/** All changes that one release made to a namespace. */
export class ChangeEvent {
  readonly appId: string;
  readonly namespace: string;
  /** Every changed key, including those that the listener is not interested in. */
  readonly changes: ReadonlyMap<string, Change>;
  /** The changed keys that the listener is interested in; empty if it is interested in everything. */
  readonly interestedKeys: readonly string[];
  readonly oldReleaseKey: string;
  readonly releaseKey: string;
  readonly source: Source;
  /** Number of the change within its namespace, increasing by one from 1. */
  readonly sequence: number;
  /** Number of later changes that were merged into this one because the listener fell behind. */
  readonly coalesced: number;
  #snapshot: () => Snapshot;

  private constructor(about: any, changes: Changed, snapshot: () => Snapshot) {
    this.appId = about.app_id;
    this.namespace = about.namespace;
    this.changes = changes;
    this.interestedKeys = Object.freeze(about.interested_keys);
    this.oldReleaseKey = about.old_release_key;
    this.releaseKey = about.release_key;
    this.source = about.source;
    this.sequence = about.sequence;
    this.coalesced = about.coalesced;
    this.#snapshot = snapshot;
    Object.freeze(this);
  }

  /**
   * @param snapshot returns the values after the change; called only when they are read
   * @internal
   */
  static _of(about: any, changes: Changed, snapshot: () => Snapshot): ChangeEvent {
    return new ChangeEvent(about, changes, snapshot);
  }

  /** The values after the change; for merged changes, those after the last of them. */
  get snapshot(): Snapshot {
    return this.#snapshot();
  }
}

/**
 * Copies the changes of a native event in parts, so that the event loop is not blocked for long.
 */
export async function changesOf(event: any, size: number): Promise<Changed> {
  const changes = new Map<string, Change>();
  await inParts(size, (from, count) => {
    const words = checked(() => event.changes(from, count));
    for (let at = 0; at < words.length; at += 4) {
      const [oldValue, newValue, changeType] = words.slice(at + 1, at + 4);
      changes.set(words[at], Object.freeze({ oldValue, newValue, changeType }));
    }
  });
  return changes;
}
