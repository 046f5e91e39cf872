// Types of the package, the same for `import` and `require`. Generated from `lib` by `npm run declare`.
import { EventEmitter } from 'node:events';

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
/** Why a call failed. An aborted wait fails with the reason of its signal instead. */
export declare class CastaliaError extends Error {
  readonly name: 'CastaliaError';
  readonly code: ErrorCode;
  /** The operation that failed. */
  readonly operation: string;
  /** Context: `namespace`, `url` and so on; never a secret. */
  readonly context: Readonly<Record<string, string>>;
  private constructor();
}
/** What a listener is interested in; without any, everything. */
export interface Filter {
  /** Exact keys. */
  readonly keys?: Iterable<string>;
  /** Prefixes as plain text: `db` covers `dbName`. */
  readonly prefixes?: Iterable<string>;
}
/** Origin of the values: a config service, a cache file, the application, or nothing. */
export type Source = 'remote' | 'local' | 'static' | 'none';
/**
 * The values of a namespace at one moment; they never change. Reads never wait. Those with a fallback never
 * fail; those named `try` throw `Parse` if the value is malformed.
 */
export declare class Snapshot {
  readonly appId: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly source: Source;
  /** Empty unless the source is remote. */
  readonly releaseKey: string;
  /** Id of the newest notification before the load; -1 if there was none. */
  readonly notificationId: number;
  readonly loadedAt: Date;
  private constructor();
  get size(): number;
  /** The value of a key, if it exists. An empty value exists. */
  get(key: string): string | undefined;
  get<D>(key: string, fallback: D): string | D;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  entries(): IterableIterator<[string, string]>;
  [Symbol.iterator](): Iterator<[string, string]>;
  forEach(visit: (value: string, key: string) => void, self?: unknown): void;
  /** A 32-bit integer. */
  getInt(key: string): number | undefined;
  getInt<D>(key: string, fallback: D): number | D;
  tryGetInt(key: string): number | undefined;
  /** An integer that a `number` represents exactly. */
  getLong(key: string): number | undefined;
  getLong<D>(key: string, fallback: D): number | D;
  tryGetLong(key: string): number | undefined;
  /** A 64-bit integer. */
  getBigInt(key: string): bigint | undefined;
  getBigInt<D>(key: string, fallback: D): bigint | D;
  tryGetBigInt(key: string): bigint | undefined;
  getDouble(key: string): number | undefined;
  getDouble<D>(key: string, fallback: D): number | D;
  tryGetDouble(key: string): number | undefined;
  /**
   * `true` in any case. Any other value is false, or under `castalia.strict-booleans` malformed unless it is
   * a word for false.
   */
  getBool(key: string): boolean | undefined;
  getBool<D>(key: string, fallback: D): boolean | D;
  tryGetBool(key: string): boolean | undefined;
  /** A text such as `2D3H4M5S123MS` or `500`, in milliseconds. */
  getDuration(key: string): number | undefined;
  getDuration<D>(key: string, fallback: D): number | D;
  tryGetDuration(key: string): number | undefined;
  /**
   * A text such as `2024-01-31`, `2024-01-31 08:00:00` or RFC 3339, in the time zone of `castalia.time-zone`
   * if it contains none.
   */
  getDate(key: string): Date | undefined;
  getDate<D>(key: string, fallback: D): Date | D;
  tryGetDate(key: string): Date | undefined;
  /** A value that is JSON text; all readers get the same frozen object. */
  getJson(key: string): unknown;
  getJson<D>(key: string, fallback: D): unknown;
  tryGetJson(key: string): unknown;
  /**
   * Splits a value at a delimiter (`,` by default), without empty parts at the end; with `trim`, without
   * white space around the parts.
   */
  getList(key: string): readonly string[] | undefined;
  getList<D>(key: string, fallback: D, delimiter?: string, trim?: boolean): readonly string[] | D;
  /**
   * The value parsed by a function, which is called at each read. An exception, `null` and `undefined` mean
   * that the value is malformed.
   */
  getWith<T, D = undefined>(key: string, read: (text: string) => T | null | undefined, fallback?: D): T | D;
  /** The member of an enumeration, or of an array of names, that has exactly the value as its name. */
  getEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  getEnum<const N extends readonly string[], D>(key: string, names: N, fallback: D): N[number] | D;
  getEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
  getEnum<E extends Readonly<Record<string, string | number>>, D>(key: string, members: E, fallback: D): E[keyof E] | D;
  tryGetEnum<const N extends readonly string[]>(key: string, names: N): N[number] | undefined;
  tryGetEnum<E extends Readonly<Record<string, string | number>>>(key: string, members: E): E[keyof E] | undefined;
}
/** The change of one key. */
export interface Change {
  /** `null` if the key was added. */
  readonly oldValue: string | null;
  /** `null` if the key was deleted. */
  readonly newValue: string | null;
  readonly changeType: 'ADDED' | 'MODIFIED' | 'DELETED';
}
/** A promise that a listener returns is awaited before the next call. */
export type ChangeListener = (event: ChangeEvent) => unknown;
/** All changes that one release made to a namespace. */
export declare class ChangeEvent {
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
  private constructor();
  /** The values after the change; for merged changes, those after the last of them. */
  get snapshot(): Snapshot;
}
/** Result of the last load of a namespace: the kind of its error if it failed. */
export type State = 'Loading' | 'Ready' | 'Unavailable' | ErrorCode;
/** One effective setting. */
export interface Setting {
  readonly name: string;
  /** `***` for secrets, empty if unset. */
  readonly value: string;
  /** Origin of the value. */
  readonly origin: string;
  /** The name under which it was found. */
  readonly foundAs: string;
  /** Description, with the unit. */
  readonly meaning: string;
}
/** A client at one moment. */
export interface Metrics {
  readonly namespaces: readonly NamespaceMetrics[];
  /** Recent errors, oldest first. */
  readonly errors: readonly CastaliaError[];
  readonly errorCount: number;
  /** Milliseconds by which the servers' clock is ahead. */
  readonly clockSkewMs: number;
  /** Requests by endpoint and status. */
  readonly http: readonly HttpMetrics[];
  /** Poll loops whose last request succeeded. */
  readonly pollsConnected: number;
  /** Threads of the native half, shared by all clients; `null` before the first namespace is opened. */
  readonly threads: ThreadMetrics | null;
}
/** Requests of one endpoint with one status. */
export interface HttpMetrics {
  /** First part of the path: `configs`, `notifications` or `services`. */
  readonly endpoint: string;
  /** 0 if none arrived. */
  readonly status: number;
  readonly count: number;
  /** Sum of their durations. */
  readonly timeMs: number;
}
/** Threads and tasks at one moment. */
export interface ThreadMetrics {
  readonly workers: number;
  /** Tasks that have not ended. */
  readonly tasks: number;
  /** Tasks waiting for a worker. */
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
  /** Number of times it was opened. */
  readonly usage: number;
  /** `null` while the first load is in progress. */
  readonly firstLoadMs: number | null;
  readonly updatedAt: Date;
  /** When a server last answered. */
  readonly contactedAt: Date | null;
  readonly listenerFailures: number;
  /** Changes waiting for listeners. */
  readonly listenerQueue: number;
  /** Number of failed writes of the cache file. */
  readonly cacheFailures: number;
  /** Whether a long poll that included it timed out. */
  readonly pollTimedOut: boolean;
  /** Number of malformed values, each counted once for a release. */
  readonly malformedReads: number;
  /** Number of releases rejected by a validator. */
  readonly refusals: number;
  readonly lastError: CastaliaError | null;
}
/** A registered listener. */
export declare class Subscription {
  private constructor();
  /** Ends it: no call will start. */
  cancel(): void;
}
export interface Subscription {
  [Symbol.dispose](): void;
}
/** The signal ends the wait, not the operation. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
}
declare abstract class Namespace extends EventEmitter {
  get appId(): string;
  get cluster(): string;
  get namespace(): string;
  get state(): State;
  get source(): Source;
  /** Error of the last load; `null` if it succeeded. */
  get lastError(): CastaliaError | null;
  /** The current values; they never change. */
  abstract snapshot(): Snapshot;
  /** Loads now. */
  refresh(options?: WaitOptions): Promise<void>;
  /**
   * Calls a function for each change that it is interested in: in order, one call at a time, after reads
   * return the new values.
   */
  onChange(listener: ChangeListener, filter?: Filter): Subscription;
  /**
   * The changes from now on; they end when this or the client is closed. A reader that falls behind loses
   * intermediate steps, but no change.
   */
  changes(options?: Filter & WaitOptions): AsyncIterableIterator<ChangeEvent> & AsyncDisposable;
  /**
   * Closes the namespace: its listeners are not called any more, and unless another handle of it is open it
   * is no longer refreshed. Reads still return the last values; other calls fail with `Closed`. The client
   * opens it again as another object.
   */
  close(): void;
  on(name: 'change', listener: ChangeListener, filter?: Filter): this;
  once(name: 'change', listener: ChangeListener, filter?: Filter): this;
}
interface Namespace {
  [Symbol.dispose](): void;
  off(name: 'change', listener: ChangeListener): this;
}
/** A value that follows its namespace until it is cancelled or the client is closed. */
export declare class Watch<T> {
  private constructor();
  /** The value of the newest snapshot that could be parsed. */
  get(): T;
  /** Error of the newest snapshot; `null` if it could be parsed. */
  get lastError(): unknown;
  cancel(): void;
}
type Reads = Omit<
  Snapshot,
  'appId' | 'cluster' | 'namespace' | 'source' | 'releaseKey' | 'notificationId' | 'loadedAt'
>;
/**
 * A namespace as keys and values, with the reads of a snapshot. Each uses the newest values; for several reads that must be consistent
 * with each other, use a snapshot.
 */
export declare class Config extends Namespace {
  private constructor();
  /** The value of a key, if it exists. An empty value exists. */
  get(key: string): string | undefined;
  get<D>(key: string, fallback: D): string | D;
  get size(): number;
  [Symbol.iterator](): Iterator<[string, string]>;
  snapshot(): Snapshot;
  /** A value built from the whole namespace and kept current. */
  watch<T>(parse: (snapshot: Snapshot) => T): Watch<T>;
}
export interface Config extends Reads {}
/** A namespace as one text. Its events have a single key, `content`. */
export declare class ConfigFile extends Namespace {
  private constructor();
  /** The text: a document as released, or properties text; `undefined` if nothing has been loaded. */
  get content(): string | undefined;
  get format(): 'properties' | 'xml' | 'json' | 'yml' | 'yaml' | 'txt';
  snapshot(): Snapshot;
}
/** Settings by property name, such as `app.id` or `apollo.meta`. */
export type SettingValues = Readonly<Record<string, string | number | boolean>>;
/** Settings of a client; validated when a client is created. */
export declare class Settings {
  /** Only these values: neither the environment nor files are read. */
  constructor(values?: SettingValues);
  /** From the environment, `server.properties` and `app.properties`. */
  static fromEnv(): Settings;
  /** Sets a value, which overrides every other origin. */
  set(name: string, value: string | number | boolean): this;
  /**
   * Values for keys that a namespace does not have. A release overrides them, and they override the defaults
   * of reads.
   */
  defaults(namespace: string, entries: Readonly<Record<string, string>>): this;
  /** Values of a namespace that are used if there is neither a server nor a cache file. */
  seed(namespace: string, entries: Readonly<Record<string, string>>): this;
}
/**
 * Returns why a release must not be applied: `undefined`, `null` or an empty string accepts it. An exception
 * rejects it.
 */
export type Validator = (
  snapshot: Snapshot,
) => string | null | undefined | void | Promise<string | null | undefined | void>;
export interface ClientOptions {
  /**
   * Whether the process stays alive until the client is closed. Otherwise it ends when there is nothing else
   * to do.
   */
  readonly keepAlive?: boolean;
  /**
   * Whether opening a namespace fails with `NotReady` if neither a server nor a cache file has it. Otherwise
   * the namespace is empty, which is reported by the `error` event and logged.
   */
  readonly required?: boolean;
}
interface ClientEvents {
  /** The start policy is met. */
  ready: () => unknown;
  /** An open namespace has changed. One that is open as a config and as a file emits this for each. */
  change: (event: ChangeEvent, namespace: Config | ConfigFile) => unknown;
  /** The values of an open namespace have another origin than before. */
  source: (source: Source, namespace: Config | ConfigFile) => unknown;
  /**
   * A failure that no caller waits for: of a listener, or of the first load of a namespace, once by `start` or the
   * first `config`, which is also logged. A failed listener is logged if this event has no listener.
   */
  error: (error: Error) => unknown;
}
/** A client. A process may have several; each exists until it is closed. */
export declare class Client extends EventEmitter {
  /**
   * Opens no socket. Without settings, those of the environment are used.
   * @throws {CastaliaError} `InvalidArgument`, with every fault of the settings at once
   */
  constructor(settings?: Settings | SettingValues, options?: ClientOptions);
  /** Creates and starts a client; closes it if that fails. */
  static start(settings?: Settings | SettingValues, options?: ClientOptions & WaitOptions): Promise<Client>;
  get appId(): string;
  /** Environment in upper case, such as `DEV`; `UNKNOWN` if it is unset. */
  get env(): string;
  /** Whether `close` was called. */
  get closed(): boolean;
  /**
   * Opens the namespaces of `castalia.namespaces`, unless they were closed before, and checks the start policy.
   * From then on their events are emitted, with a config that `config` returns, or that is closed when the
   * namespace is opened as a file, which emits them instead. The first `config` only loads the namespaces and
   * checks the policy.
   */
  start(options?: WaitOptions): Promise<void>;
  /**
   * Opens a namespace and waits for its first load. Under the default start policy a failed load is not an
   * error.
   */
  config(namespace: string, options?: WaitOptions): Promise<Config>;
  /** Opens a namespace of another app. */
  configOf(appId: string, namespace: string, options?: WaitOptions): Promise<Config>;
  /** Opens a namespace as one text. */
  configFile(namespace: string, options?: WaitOptions): Promise<ConfigFile>;
  /** Calls a function before a release of a namespace of the client's app is applied. */
  validate(namespace: string, validator: Validator): void;
  /** Signs requests for an app id with another secret from now on. A blank secret ends signing. */
  setAccessKey(appId: string, secret: string): void;
  settings(): Setting[];
  metrics(): Metrics;
  /** The metrics as OpenMetrics text. */
  metricsText(): string;
  /**
   * Stops the client. Listeners have two seconds for their queued events. Reads still return the last values.
   * Calling it again only waits.
   */
  close(options?: WaitOptions): Promise<void>;
}
export interface Client {
  [Symbol.asyncDispose](): Promise<void>;
  on<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  once<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  off<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
}
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';
/** A log record; it never contains values or secrets. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Module that logged it. */
  readonly target: string;
  /** Message, followed by the fields as `name=value`. */
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}
/**
 * Passes log records of all clients of the process to a function; `null` ends that. The default level is
 * `info`. Before the first call, records of level `warn` and above are warnings of the process.
 */
export declare function setLog(
  logger: ((record: LogRecord) => void) | null,
  options?: {
    readonly level?: LogLevel;
  },
): void;
/** Version of this package. */
export declare const version: string;
/** Stable numbers of the error kinds, the same in every language. */
export declare const ErrorKind: Readonly<Record<ErrorCode, number>>;

export {};
