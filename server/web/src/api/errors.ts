// Classifies a failed call, and selects the texts that describe what happened and what to do.

/** Who changed a namespace since the revision of a refused write. */
export interface Stale {
  by?: string;
  at?: string;
  /** Those that have other values than the write; long lists are cut. */
  items?: StaleItem[];
}

/** An item that a refused write would have changed; the values are null if it does not exist. */
export interface StaleItem {
  key: string;
  yours: string | null;
  theirs: string | null;
  by: string | null;
  at: string | null;
}

/** Status 0 means that no answer arrived; `message` and `code` come from the server. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = "",
    readonly retryAfterSeconds?: number,
    readonly stale?: Stale,
  ) {
    super(message);
  }
}

/** A page does not wait longer; the error then says when to try again. */
const LONGEST_DELAY_SECONDS = 10;

const KINDS = {
  0: "unreachable",
  400: "refused",
  403: "forbidden",
  404: "missing",
  405: "outdated",
  409: "conflict",
  413: "large",
  429: "throttled",
} as const;

export type ErrorKind = (typeof KINDS)[keyof typeof KINDS] | "offline" | "tooLong" | "server" | "page";

// Apollo's servers send no code for an unreachable environment; their messages begin like this.
const OFFLINE = /^(No available admin server|Admin servers are unresponsive)/;

/** Selects the texts `error.<kind>.what` and `error.<kind>.todo`. */
export function errorKind(error: unknown): ErrorKind {
  if (!(error instanceof ApiError)) return "page";
  if (OFFLINE.test(error.message)) return "offline";
  if (isTooLong(error)) return "tooLong";
  if (error.status in KINDS) return KINDS[error.status as keyof typeof KINDS];
  return error.status >= 500 ? "server" : "refused";
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** The namespace has changed since the revision that the write was based on. */
export function isStale(error: unknown): boolean {
  return error instanceof ApiError && error.code === "stale_revision";
}

/** The texts of a list are too long together for one answer. */
export function isTooLong(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "answer_too_long" || error.code === "env_answer_too_long");
}

/** The app or row in the path does not exist; for apps, Apollo answers 400. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 404);
}

/** Only reads are repeated, once, after a network failure, a server error, or too many requests. */
export function mayRetry(failures: number, error: unknown): boolean {
  const { status } = error instanceof ApiError ? error : { status: 400 };
  return failures < 1 && (status === 0 || status === 429 || status >= 500);
}

/** Milliseconds until a read is repeated: as long as the server asks for, or a second. */
export function retryDelay(_failures: number, error: unknown): number {
  const seconds = error instanceof ApiError ? error.retryAfterSeconds : undefined;
  return Math.min(seconds ?? 1, LONGEST_DELAY_SECONDS) * 1000;
}
