// Types of the package, the same for `import` and `require`.
import { EventEmitter } from 'node:events';

/** Version of this package. */
export const version: string;

/** Frozen numbers of the kinds of errors, as every language has them. */
export const ErrorKind: Readonly<Record<ErrorCode, number>>;

/** What a caller can do about an error. */
export type ErrorCode =
  | 'InvalidArgument'
  | 'NotReady'
  | 'NotFound'
  | 'Unauthorized'
  | 'BadRequest'
  | 'Timeout'
  | 'Transport'
  | 'Protocol'
  | 'Parse'
  | 'Io'
  | 'Closed'
  | 'Internal';

/** How a namespace stands with the servers: the kind of the last load's failure, if it failed. */
export type State = 'Loading' | 'Ready' | 'Unavailable' | ErrorCode;

/** Where a content came from: a config service, a cache file, the application, or nowhere. */
export type Source = 'remote' | 'local' | 'static' | 'none';

/** Why a call failed. A wait that was aborted fails with the reason of its signal instead. */
export class CastaliaError extends Error {
  readonly name: 'CastaliaError';
  readonly code: ErrorCode;
  /** The operation that failed. */
  readonly operation: string;
  /** What it was about: `namespace`, `url`, and so on; never a secret. */
  readonly context: Readonly<Record<string, string>>;
  private constructor();
}

/** Values by property name, such as `app.id` or `apollo.meta`. */
export type SettingValues = Readonly<Record<string, string | number | boolean>>;

/** Settings of a client; checked when a client is made. */
export class Settings {
  /** These values alone: nothing is read from the surroundings. */
  constructor(values?: SettingValues);
  /** Those of the surroundings: environment, `server.properties`, `app.properties`. */
  static fromEnv(): Settings;
  /** Sets a value, which beats every other place. */
  set(name: string, value: string | number | boolean): this;
  /** Values of keys that a namespace does not have: weaker than a release, stronger than the defaults of reads. */
  defaults(namespace: string, entries: Readonly<Record<string, string>>): this;
  /** Content of a namespace for a start without server and cache file. */
  seed(namespace: string, entries: Readonly<Record<string, string>>): this;
}

/** One effective setting: which value counts, and why. */
export interface Setting {
  readonly name: string;
  /** A secret is `***`, and empty means unset. */
  readonly value: string;
  /** Where the value came from. */
  readonly origin: string;
  /** The name under which it was found there. */
  readonly foundAs: string;
  /** What it is for, with its unit. */
  readonly meaning: string;
}

export interface ClientOptions {
  /** Whether the process stays alive until the client is closed; else it ends when there is nothing else to do. */
  readonly keepAlive?: boolean;
  /**
   * Whether opening a namespace fails with `NotReady` where neither a server nor a cache file has it. Otherwise it is empty, which
   * is told to the `error` event, or as a warning of the process where nothing listens to that.
   */
  readonly required?: boolean;
}

/** The signal ends the wait, not what was begun. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
}

/** What a listener asks for; nothing means everything. */
export interface Filter {
  /** Exact keys. */
  readonly keys?: Iterable<string>;
  /** Plain text prefixes: `db` covers `dbName`. */
  readonly prefixes?: Iterable<string>;
}

/** Says why a release must not be applied; nothing applies it, and an exception is a reason too. */
export type Validator = (
  snapshot: Snapshot,
) => string | null | undefined | void | Promise<string | null | undefined | void>;

/** What a listener gives is waited for before it is called again. */
export type ChangeListener = (event: ChangeEvent) => unknown;

interface ClientEvents {
  /** Enough is loaded to work with. */
  ready: () => unknown;
  /** An open namespace has changed. */
  change: (event: ChangeEvent, namespace: Config | ConfigFile) => unknown;
  /** The content of an open namespace comes from elsewhere than before. */
  source: (source: Source, namespace: Config | ConfigFile) => unknown;
  /** Something failed that nobody waits for: a listener, or a load. Without a listener it is logged. */
  error: (error: Error) => unknown;
}

/** The way to the configuration of an app. A process may have several; each lives until it is closed. */
export class Client extends EventEmitter {
  /**
   * Opens no socket. Without settings those of the surroundings count.
   * @throws {CastaliaError} `InvalidArgument`, with every fault of the settings at once
   */
  constructor(settings?: Settings | SettingValues, options?: ClientOptions);
  /** A client that has been started; it is closed if that fails. */
  static start(settings?: Settings | SettingValues, options?: ClientOptions & WaitOptions): Promise<Client>;
  readonly appId: string;
  /** Environment in capitals, such as `DEV`; `UNKNOWN` where none is set. */
  readonly env: string;
  /** Whether `close` was called. */
  readonly closed: boolean;
  /** Opens the namespaces that the settings name, and judges the start policy. The first `config` does the same. */
  start(options?: WaitOptions): Promise<void>;
  /** Opens a namespace and waits for its first load. Under the default start policy a failed load is no error. */
  config(namespace: string, options?: WaitOptions): Promise<Config>;
  /** Opens a namespace of another app. */
  configOf(appId: string, namespace: string, options?: WaitOptions): Promise<Config>;
  /** Opens a namespace as one text. */
  configFile(namespace: string, options?: WaitOptions): Promise<ConfigFile>;
  /** Asks a function before a release of a namespace of the app itself is applied. */
  validate(namespace: string, validator: Validator): void;
  /** Signs the requests of an app id with another secret from now on; a blank one stops signing. */
  setAccessKey(appId: string, secret: string): void;
  settings(): Setting[];
  metrics(): Metrics;
  /** The metrics as OpenMetrics text. */
  metricsText(): string;
  /** Stops everything; listeners have two seconds for what is queued. Reads go on answering. A second call only waits. */
  close(options?: WaitOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;

  on<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  once<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  off<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
}

/** An open namespace that follows the servers. */
declare abstract class Namespace extends EventEmitter {
  readonly appId: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly source: Source;
  readonly state: State;
  /** Why the last load failed; `null` once one worked. */
  readonly lastError: CastaliaError | null;
  /** The content now; it never changes. */
  snapshot(): Snapshot;
  /** Loads now. */
  refresh(options?: WaitOptions): Promise<void>;
  /** Calls a function for each change that it asked for: in order, one call at a time, after reads answer with the new content. */
  onChange(listener: ChangeListener, filter?: Filter): Subscription;
  /** The changes from now on; ends when this or the client is closed. A reader that does not keep up loses steps, but no change. */
  changes(options?: Filter & WaitOptions): AsyncIterableIterator<ChangeEvent> & AsyncDisposable;
  /**
   * Gives the namespace up: its listeners hear no more, and unless another handle of it is open it is no longer kept fresh. Reads go
   * on answering from the last content; all else fails with `Closed`. The client opens it anew, as another object.
   */
  close(): void;
  [Symbol.dispose](): void;

  on(name: 'change', listener: ChangeListener, filter?: Filter): this;
  once(name: 'change', listener: ChangeListener, filter?: Filter): this;
  off(name: 'change', listener: ChangeListener): this;
}

/** Reads never wait. Those with a fallback never fail; those that try throw `Parse` where the value is malformed. */
interface Reads extends Iterable<[string, string]> {
  readonly size: number;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  entries(): IterableIterator<[string, string]>;
  forEach(visit: (value: string, key: string) => void, self?: unknown): void;

  /** The value of a key; an empty value is a value. */
  get(key: string): string | undefined;
  get<D>(key: string, fallback: D): string | D;
  /** A whole number of 32 bits. */
  getInt(key: string): number | undefined;
  getInt<D>(key: string, fallback: D): number | D;
  tryGetInt(key: string): number | undefined;
  /** A whole number that a `number` holds exactly. */
  getLong(key: string): number | undefined;
  getLong<D>(key: string, fallback: D): number | D;
  tryGetLong(key: string): number | undefined;
  /** A whole number of 64 bits. */
  getBigInt(key: string): bigint | undefined;
  getBigInt<D>(key: string, fallback: D): bigint | D;
  tryGetBigInt(key: string): bigint | undefined;
  getDouble(key: string): number | undefined;
  getDouble<D>(key: string, fallback: D): number | D;
  tryGetDouble(key: string): number | undefined;
  /** `true` in any case; every other value is false, or malformed under `castalia.strict-booleans` unless it says no. */
  getBool(key: string): boolean | undefined;
  getBool<D>(key: string, fallback: D): boolean | D;
  tryGetBool(key: string): boolean | undefined;
  /** Milliseconds of a text such as `2D3H4M5S123MS` or `500`. */
  getDuration(key: string): number | undefined;
  getDuration<D>(key: string, fallback: D): number | D;
  tryGetDuration(key: string): number | undefined;
  /** A text such as `2024-01-31`, `2024-01-31 08:00:00` or RFC 3339; in that of `castalia.time-zone` where it names no zone. */
  getDate(key: string): Date | undefined;
  getDate<D>(key: string, fallback: D): Date | D;
  tryGetDate(key: string): Date | undefined;
  /** A value that is JSON text; all readers get the same frozen one. */
  getJson(key: string): unknown;
  tryGetJson(key: string): unknown;
  getJson<D>(key: string, fallback: D): unknown;
  /** The parts between a delimiter (`,` unless given), without empty ones at the end; with `trim`, without blanks around them. */
  getList(key: string): readonly string[] | undefined;
  getList<D>(key: string, fallback: D, delimiter?: string, trim?: boolean): readonly string[] | D;
  /** The member of an enumeration that has the value as its name, to the letter; also one of an array of names. */
  getEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  getEnum<const N extends readonly string[], D>(key: string, names: N, fallback: D): N[number] | D;
  getEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
  getEnum<E extends Readonly<Record<string, string | number>>, D>(key: string, members: E, fallback: D): E[keyof E] | D;
  tryGetEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  tryGetEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
  /** The value as a function reads it; an exception, `null` and `undefined` mean malformed. It is called at each read. */
  getWith<T, D = undefined>(key: string, read: (text: string) => T | null | undefined, fallback?: D): T | D;
}

/** A namespace as keys and values: each read sees the newest content; for several that must fit together take a snapshot. */
export class Config extends Namespace {
  private constructor();
  /** A value made of the whole namespace and kept current. */
  watch<T>(parse: (snapshot: Snapshot) => T): Watch<T>;
}
export interface Config extends Reads {}

/** A namespace as one text. Its events have one key, `content`. */
export class ConfigFile extends Namespace {
  private constructor();
  /** The text: a document as it is, or properties text; `undefined` when nothing is loaded. */
  readonly content: string | undefined;
  readonly format: 'properties' | 'xml' | 'json' | 'yml' | 'yaml' | 'txt';
}

/** The content of a namespace at one moment; it never changes. */
export class Snapshot {
  private constructor();
  readonly appId: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly source: Source;
  /** Empty unless the source is remote. */
  readonly releaseKey: string;
  /** Newest notification that was known; -1 for none. */
  readonly notificationId: number;
  readonly loadedAt: Date;
}
export interface Snapshot extends Reads {}

/** What happened to one key. */
export interface Change {
  /** `null` when added. */
  readonly oldValue: string | null;
  /** `null` when deleted. */
  readonly newValue: string | null;
  readonly changeType: 'ADDED' | 'MODIFIED' | 'DELETED';
}

/** One change of a namespace: all keys that one new content changed. */
export class ChangeEvent {
  private constructor();
  readonly appId: string;
  readonly namespace: string;
  /** Every changed key, whatever the listener asked for. */
  readonly changes: ReadonlyMap<string, Change>;
  /** The changed keys that the listener asked for; none when it asked for none in particular. */
  readonly interestedKeys: readonly string[];
  readonly oldReleaseKey: string;
  readonly releaseKey: string;
  readonly source: Source;
  /** Number of this change within its namespace, rising by one from 1. */
  readonly sequence: number;
  /** How many later changes were merged into this one because the listener did not keep up. */
  readonly coalesced: number;
  /** The content after the change, or a newer one when changes were merged. */
  readonly snapshot: Snapshot;
}

/** A registered listener. */
export class Subscription {
  private constructor();
  /** Ends it: no call will start. */
  cancel(): void;
  [Symbol.dispose](): void;
}

/** A value that follows its namespace until it is cancelled or the client is closed. */
export class Watch<T> {
  private constructor();
  /** The value of the newest content that could be read. */
  get(): T;
  /** Why the newest content could not be read; `null` when it could. */
  readonly lastError: unknown;
  cancel(): void;
}

/** A client at one moment. */
export interface Metrics {
  readonly namespaces: readonly NamespaceMetrics[];
  /** The latest errors, oldest first. */
  readonly errors: readonly CastaliaError[];
  readonly errorCount: number;
  /** By how much the servers' clock is ahead. */
  readonly clockSkewMs: number;
  /** Requests by endpoint and status. */
  readonly http: readonly HttpMetrics[];
  /** Poll loops whose last poll ended well. */
  readonly pollsConnected: number;
  /** Threads of the native half, which all clients share; `null` before the first namespace is opened. */
  readonly threads: ThreadMetrics | null;
}

/** Requests of one endpoint that ended in one way. */
export interface HttpMetrics {
  /** First part of the path: `configs`, `notifications` or `services`. */
  readonly endpoint: string;
  /** 0 where none came. */
  readonly status: number;
  readonly count: number;
  /** How long they took together. */
  readonly timeMs: number;
}

/** Threads and tasks at one moment. */
export interface ThreadMetrics {
  readonly workers: number;
  /** Tasks that live. */
  readonly tasks: number;
  /** Tasks that wait for a worker. */
  readonly queue: number;
}

/** A namespace at one moment. */
export interface NamespaceMetrics {
  readonly appId: string;
  readonly namespace: string;
  readonly state: State;
  readonly source: Source;
  /** Number of keys. */
  readonly items: number;
  readonly releaseKey: string;
  /** How often it was opened. */
  readonly usage: number;
  /** `null` while the first load is under way. */
  readonly firstLoadMs: number | null;
  readonly updatedAt: Date;
  /** When a server last answered. */
  readonly contactedAt: Date | null;
  readonly listenerFailures: number;
  /** Changes that wait for listeners. */
  readonly listenerQueue: number;
  /** How often the cache file could not be written. */
  readonly cacheFailures: number;
  /** Whether a poll for it was met with silence. */
  readonly pollTimedOut: boolean;
  /** Keys whose values were found malformed, each counted once for a release. */
  readonly malformedReads: number;
  /** Releases that the application refused. */
  readonly refusals: number;
  readonly lastError: CastaliaError | null;
}

/** A log record; values and secrets are never in it. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Module that wrote it. */
  readonly target: string;
  /** Message, with its fields behind it as `name=value`. */
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Sends log records of every client in the process to a function; `null` ends that. The level is `info` unless given. */
export function setLog(logger: ((record: LogRecord) => void) | null, options?: { readonly level?: LogLevel }): void;
