// What went wrong in a call, and which texts tell the user what happened and what to do.

/** Status 0 means that no answer came; `message` and `code` are the server's own. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = "",
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

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

export type ErrorKind = (typeof KINDS)[keyof typeof KINDS] | "offline" | "server" | "page";

// Apollo's servers send no code for an environment that is away; these are the beginnings of their messages.
const OFFLINE = /^(No available admin server|Admin servers are unresponsive)/;

/** Names the texts `error.<kind>.what` and `error.<kind>.todo`. */
export function errorKind(error: unknown): ErrorKind {
  if (!(error instanceof ApiError)) return "page";
  if (OFFLINE.test(error.message)) return "offline";
  if (error.status in KINDS) return KINDS[error.status as keyof typeof KINDS];
  return error.status >= 500 ? "server" : "refused";
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** The app or row that an address names is not there; for apps, Apollo says so by 400. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 400 || error.status === 404);
}

/** Reads are repeated once after a network failure or a server error; nothing else is. */
export function mayRetry(failures: number, error: unknown): boolean {
  return failures < 1 && error instanceof ApiError && (error.status === 0 || error.status >= 500);
}
