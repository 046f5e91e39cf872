// A namespace as keys and values. Reads use a map in this half, which each change replaces as a
// whole.
import type { Client } from './client.cjs';
import { Namespace } from './namespace.cjs';
import { Snapshot, mapOf, snapshotOf } from './snapshot.cjs';
import { Watch } from './watch.cjs';

type Reads = Omit<
  Snapshot,
  'appId' | 'cluster' | 'namespace' | 'source' | 'releaseKey' | 'notificationId' | 'loadedAt'
>;

/**
 * A namespace as keys and values, with the reads of a snapshot. Each uses the newest values; for several reads that must be consistent
 * with each other, use a snapshot.
 */
export class Config extends Namespace {
  #values!: Map<string, string>;
  #snapshot!: Snapshot;

  private constructor(client: Client, native: any) {
    super(client, native);
  }

  /** @internal */
  static _of(client: Client, native: any): Config {
    return new Config(client, native);
  }

  /** The value of a key, if it exists. An empty value exists. */
  get(key: string): string | undefined;
  get<D>(key: string, fallback: D): string | D;
  get(key: string, fallback?: unknown): unknown {
    const value = this.#values.get(key);
    return value === undefined ? this.#otherwise(key, fallback) : value;
  }

  get size(): number {
    return this.#values.size;
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#values.entries();
  }

  static {
    // All other reads are delegated to the snapshot.
    for (const name of Object.getOwnPropertyNames(Snapshot.prototype)) {
      if (/^(tryG|g)et\w|^(has|keys|values|entries|forEach)$/.test(name)) {
        (Config.prototype as any)[name] = function read(this: Config, ...args: unknown[]) {
          return (this.#snapshot as any)[name](...args);
        };
      }
    }
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** A value built from the whole namespace and kept current. */
  watch<T>(parse: (snapshot: Snapshot) => T): Watch<T> {
    return Watch._of(this, parse);
  }

  #otherwise(key: string, fallback: unknown): unknown {
    return (this._manner.hasFallback ? this._view.fallbackValue(key) : null) ?? fallback;
  }

  /** @internal */
  _copied(view: any): Promise<Map<string, string>> {
    return mapOf(view);
  }

  /** @internal */
  _take(): void {
    this.#values = this._copy;
    this.#snapshot = Snapshot._of(this._view, this._copy, this._manner);
  }

  /** @internal */
  _recall(view: any): () => Snapshot {
    let snapshot = view.is(this._view) ? this.#snapshot : undefined;
    return () => (snapshot ??= snapshotOf(view, this._manner));
  }
}

export interface Config extends Reads {}
