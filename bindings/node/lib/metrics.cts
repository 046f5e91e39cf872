// Converts records of the native half, such as metrics and settings, to objects. A new counter
// needs no change here.
import { type CastaliaError, type ErrorCode, errorOf } from './error.cjs';
import type { Source } from './snapshot.cjs';

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

/** Converts the report of native metrics. */
export function metricsOf({ namespaces, http, threads, errors, ...totals }: any): Metrics {
  return {
    ...named(totals),
    namespaces: namespaces.map(namespaceOf),
    errors: errors.map(errorOf),
    http: http.map(({ time_us, ...counters }: any) => ({ ...named(counters), timeMs: millis(time_us) })),
    threads: threads && named(threads),
  };
}

function namespaceOf({
  first_load_us,
  updated_at_us,
  contacted_at_us,
  last_error,
  ...counters
}: any): NamespaceMetrics {
  return {
    ...named(counters),
    firstLoadMs: millis(first_load_us),
    updatedAt: new Date(millis(updated_at_us)),
    contactedAt: contacted_at_us === null ? null : new Date(millis(contacted_at_us)),
    lastError: last_error && errorOf(last_error),
  };
}

/** Converts the report of native settings. */
export function settingsOf(settings: object[]): Setting[] {
  return settings.map(named);
}

/** Converts the names of the fields to camel case. */
function named(record: object): any {
  const camel = (name: string) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [camel(name), value]));
}

function millis(micros: any): any {
  return micros === null ? null : micros / 1000;
}
