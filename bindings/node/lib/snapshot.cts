// The values of a namespace at one moment: an immutable map, with typed reads that parse each value
// once.
import { callable } from './arguments.cjs';
import { native } from './native.cjs';
import { CastaliaError, checked } from './error.cjs';
import { inParts } from './pace.cjs';
import {
  type About,
  Malformed,
  type Members,
  attempt,
  malformed,
  membersOf,
  parse,
  parseJson,
  parseSafe,
} from './parse.cjs';

/** Origin of the values: a config service, a cache file, the application, or nothing. */
export type Source = 'remote' | 'local' | 'static' | 'none';

/**
 * How values are read: whether keys may have values outside the map, whether malformed values are
 * counted, and how many parsed values are kept for each type.
 */
export interface Manner {
  readonly hasFallback: boolean;
  readonly isCounted: boolean;
  readonly kept: number;
}

type Read = (text: string, about: About) => unknown;

/**
 * The values of a namespace at one moment; they never change. Reads never wait. Those with a fallback never
 * fail; those named `try` throw `Parse` if the value is malformed.
 */
export class Snapshot {
  readonly appId: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly source: Source;
  /** Empty unless the source is remote. */
  readonly releaseKey: string;
  /** Id of the newest notification before the load; -1 if there was none. */
  readonly notificationId: number;
  readonly loadedAt: Date;
  #values: Map<string, string>;
  #content: any;
  #manner: Manner;
  #parsed = new Map<string, Map<string, unknown>>();
  /** Keys whose malformed values were already reported. */
  #malformed = new Set<string>();

  private constructor(content: any, values: Map<string, string>, manner: Manner) {
    const about = aboutOf(content);
    this.appId = about.app_id;
    this.cluster = about.cluster;
    this.namespace = about.namespace;
    this.source = about.source;
    this.releaseKey = about.release_key;
    this.notificationId = about.notification_id;
    this.loadedAt = new Date(about.loaded_at_us / 1000);
    this.#values = values;
    this.#content = content;
    this.#manner = manner;
    Object.freeze(this);
  }

  /**
   * @param content the native view
   * @param values a map that does not change from now on
   * @internal
   */
  static _of(content: any, values: Map<string, string>, manner: Manner): Snapshot {
    return new Snapshot(content, values, manner);
  }

  get size(): number {
    return this.#values.size;
  }

  /** The value of a key, if it exists. An empty value exists. */
  get(key: string): string | undefined;
  get<D>(key: string, fallback: D): string | D;
  get(key: string, fallback?: unknown): unknown {
    return this.#values.get(key) ?? this.#fallbackValue(key) ?? fallback;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  values(): IterableIterator<string> {
    return this.#values.values();
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries();
  }

  [Symbol.iterator](): Iterator<[string, string]> {
    return this.#values.entries();
  }

  forEach(visit: (value: string, key: string) => void, self?: unknown): void {
    this.#values.forEach((value, key) => (visit as Function).call(self, value, key, this));
  }

  /** A 32-bit integer. */
  getInt(key: string): number | undefined;
  getInt<D>(key: string, fallback: D): number | D;
  getInt(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'int', parse);
  }

  tryGetInt(key: string): number | undefined {
    return this.#orThrow(key, 'int', parse);
  }

  /** An integer that a `number` represents exactly. */
  getLong(key: string): number | undefined;
  getLong<D>(key: string, fallback: D): number | D;
  getLong(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'safe', parseSafe);
  }

  tryGetLong(key: string): number | undefined {
    return this.#orThrow(key, 'safe', parseSafe);
  }

  /** A 64-bit integer. */
  getBigInt(key: string): bigint | undefined;
  getBigInt<D>(key: string, fallback: D): bigint | D;
  getBigInt(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'long', parse);
  }

  tryGetBigInt(key: string): bigint | undefined {
    return this.#orThrow(key, 'long', parse);
  }

  getDouble(key: string): number | undefined;
  getDouble<D>(key: string, fallback: D): number | D;
  getDouble(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'double', parse);
  }

  tryGetDouble(key: string): number | undefined {
    return this.#orThrow(key, 'double', parse);
  }

  /**
   * `true` in any case. Any other value is false, or under `castalia.strict-booleans` malformed unless it is
   * a word for false.
   */
  getBool(key: string): boolean | undefined;
  getBool<D>(key: string, fallback: D): boolean | D;
  getBool(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'bool', parse);
  }

  tryGetBool(key: string): boolean | undefined {
    return this.#orThrow(key, 'bool', parse);
  }

  /** A text such as `2D3H4M5S123MS` or `500`, in milliseconds. */
  getDuration(key: string): number | undefined;
  getDuration<D>(key: string, fallback: D): number | D;
  getDuration(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'duration', parse);
  }

  tryGetDuration(key: string): number | undefined {
    return this.#orThrow(key, 'duration', parse);
  }

  /**
   * A text such as `2024-01-31`, `2024-01-31 08:00:00` or RFC 3339, in the time zone of `castalia.time-zone`
   * if it contains none.
   */
  getDate(key: string): Date | undefined;
  getDate<D>(key: string, fallback: D): Date | D;
  getDate(key: string, fallback?: unknown): unknown {
    const millis = this.#or(undefined, key, 'date', parse);
    return millis === undefined ? fallback : new Date(millis);
  }

  tryGetDate(key: string): Date | undefined {
    const millis = this.#orThrow(key, 'date', parse);
    return millis === undefined ? undefined : new Date(millis);
  }

  /** A value that is JSON text; all readers get the same frozen object. */
  getJson(key: string): unknown;
  getJson<D>(key: string, fallback: D): unknown;
  getJson(key: string, fallback?: unknown): unknown {
    return this.#or(fallback, key, 'json', parseJson);
  }

  tryGetJson(key: string): unknown {
    return this.#orThrow(key, 'json', parseJson);
  }

  /**
   * Splits a value at a delimiter (`,` by default), without empty parts at the end; with `trim`, without
   * white space around the parts.
   */
  getList(key: string): readonly string[] | undefined;
  getList<D>(key: string, fallback: D, delimiter?: string, trim?: boolean): readonly string[] | D;
  getList(key: string, fallback?: unknown, delimiter = ',', trim = false): unknown {
    const parts = (text: string) => Object.freeze(checked(() => native.parseList(text, delimiter, trim)));
    return this.#or(fallback, key, `${trim ? 'trimmed list' : 'list'} ${delimiter}`, parts);
  }

  /**
   * The value parsed by a function, which is called at each read. An exception, `null` and `undefined` mean
   * that the value is malformed.
   */
  getWith<T, D = undefined>(key: string, read: (text: string) => T | null | undefined, fallback?: D): T | D;
  getWith(key: string, read: (text: string) => unknown, fallback?: unknown): unknown {
    callable(read, 'read value', 'what reads the value');
    const text = this.get(key);
    if (text === undefined) {
      return fallback;
    }
    const value = attempt(read, text);
    if (value === undefined || value === null) {
      this.#note(key);
      return fallback;
    }
    return value;
  }

  /** The member of an enumeration, or of an array of names, that has exactly the value as its name. */
  getEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  getEnum<const N extends readonly string[], D>(key: string, names: N, fallback: D): N[number] | D;
  getEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
  getEnum<E extends Readonly<Record<string, string | number>>, D>(key: string, members: E, fallback: D): E[keyof E] | D;
  getEnum(key: string, members: Members, fallback?: unknown): unknown {
    const value = this.#member(key, members);
    return value === undefined || value instanceof Malformed ? fallback : value;
  }

  tryGetEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  tryGetEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
  tryGetEnum(key: string, members: Members): unknown {
    const value = this.#member(key, members);
    if (value instanceof Malformed) {
      throw CastaliaError._of(value.failure);
    }
    return value;
  }

  /** Returns the member named by the value, `Malformed`, or `undefined` for a missing key. */
  #member(key: string, members: Members): string | number | Malformed | undefined {
    const known = membersOf(members);
    const text = this.get(key);
    if (text === undefined || known.has(text)) {
      return known.get(text as string);
    }
    this.#note(key);
    return malformed(`the value is not one of ${[...known.keys()].join(', ')}`, { namespace: this.namespace, key });
  }

  #fallbackValue(key: string): string | undefined {
    return this.#manner.hasFallback ? this.#content.fallbackValue(key) : undefined;
  }

  #or(fallback: unknown, key: string, type: string, read: Read): any {
    const value = this.#read(key, type, read);
    return value === undefined || value instanceof Malformed ? fallback : value;
  }

  #orThrow(key: string, type: string, read: Read): any {
    const value = this.#read(key, type, read);
    if (value instanceof Malformed) {
      throw CastaliaError._of(value.failure);
    }
    return value;
  }

  /** Returns the parsed value, `Malformed`, or `undefined` for a missing key. */
  #read(key: string, type: string, read: Read): unknown {
    let kept = this.#parsed.get(type);
    if (kept === undefined) {
      kept = new Map();
      this.#parsed.set(type, kept);
    }
    const known = kept.get(key);
    if (known !== undefined) {
      return known;
    }
    const text = this.get(key);
    if (text === undefined) {
      return undefined;
    }
    const value = read(text, { type, namespace: this.namespace, key, content: this.#content });
    if (value instanceof Malformed) {
      this.#note(key);
    }
    if (kept.size < this.#manner.kept) {
      kept.set(key, value);
    }
    return value;
  }

  #note(key: string): void {
    if (!this.#malformed.has(key)) {
      this.#malformed.add(key);
      if (this.#manner.isCounted) {
        this.#content.noteMalformed(key);
      }
    }
  }
}

/** Returns what the native half says of a view or an event beside its entries, named as there. */
export function aboutOf(content: any): any {
  return JSON.parse(checked(() => content.about));
}

/**
 * Copies the entries of a native view into a map in parts, so that the event loop is not blocked
 * for long.
 */
export async function mapOf(content: any): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  await inParts(aboutOf(content).size, (from, count) => addTo(values, content, from, count));
  return values;
}

/** Returns the snapshot of a native view, copied in one step. */
export function snapshotOf(content: any, manner: Manner): Snapshot {
  return Snapshot._of(content, addTo(new Map(), content, 0, aboutOf(content).size), manner);
}

function addTo(values: Map<string, string>, content: any, from: number, count: number): Map<string, string> {
  const words: string[] = checked(() => content.entries(from, count));
  for (let at = 0; at < words.length; at += 2) {
    values.set(words[at], words[at + 1]);
  }
  return values;
}
