// The only fetch of the UI: prefix path, CSRF token, errors. A call of an ended session waits for the
// user to sign in again, then is repeated. A page belongs to one user: it is loaded again for another
// one. Knows no page and no cache.
import { signedInAgain } from "../state/signOut";
import type { OpenUserInfoDTO } from "./bodies";
import { ApiError, type Stale } from "./errors";
import { readTogether, type Answer } from "./reads";

const CSRF_HEADER = "X-CSRF-Token";
/** The state of a namespace that an answer shows, or that a write is based on. */
const REVISION_HEADER = "Castalia-Revision";
/** Environments that have not received a write of the portal yet, separated by commas. */
const PENDING_HEADER = "Castalia-Pending-Environments";

/** Path under which the portal is served, without a trailing slash. */
export const prefix = new URL(document.baseURI).pathname.replace(/\/$/, "");

/** The user whose data the page shows, who was signed in when it was loaded. */
let pageUser: string | null = null;
/** For writes of that user. */
let csrfToken: string | null = null;
let reportPending: (envs: string[]) => void = () => undefined;

/** Sets what happens when environments will receive a write later. */
export function onPendingEnvironments(report: (envs: string[]) => void): void {
  reportPending = report;
}

/** Tag of path templates: each value becomes one escaped segment or query value. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return String.raw({ raw: parts }, ...values.map((value) => encodeURIComponent(value)));
}

/** A file, as its text. */
export async function download(path: string): Promise<string> {
  const response = await inSession(() => reach(`${prefix}/openapi/v1/${path}`, { redirect: "manual" }));
  if (!response.ok) throw await failure(response);
  return response.text();
}

/** Empty answers, by which the API reports a missing object, are null. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T | null> {
  return read<T>(await request("GET", path, { signal }));
}

/** A read whose parameters are a body. */
export async function readWith<T>(path: string, body: unknown, signal: AbortSignal): Promise<T | null> {
  return (await sendWithRevision<T>("POST", path, body, undefined, signal)).body;
}

export interface Revised<T> {
  body: T | null;
  /** Revision of the namespace that the answer shows or that the write led to; empty if unknown. */
  revision: string;
}

/** The same with the revision of a namespace. */
export async function getWithRevision<T>(path: string): Promise<Revised<T>> {
  const response = await request("GET", path);
  return { body: await read<T>(response), revision: response.headers.get(REVISION_HEADER) ?? "" };
}

/**
 * Sends a write; never repeated automatically, except for a CSRF token that the same user has
 * replaced in another tab. With a revision, it is refused if the namespace has changed since.
 */
export async function send<T>(method: Write, path: string, body?: unknown, revision?: string): Promise<T | null> {
  return (await sendWithRevision<T>(method, path, body, revision)).body;
}

type Write = "POST" | "PUT" | "DELETE";

/** The same with the revision that the write led to. */
export async function sendWithRevision<T>(
  method: Write,
  path: string,
  body?: unknown,
  revision?: string,
  signal?: AbortSignal,
): Promise<Revised<T>> {
  const used = csrfToken;
  const sent = { body, revision, signal };
  let response = await request(method, path, sent);
  if (response.status === 403) {
    // Without an answer, nobody else is known to have signed in: the refusal is what the user has to know.
    await currentUser().catch(() => null);
    if (csrfToken !== used) response = await request(method, path, sent);
  }
  const result = await read<T>(response);
  const pending = response.headers.get(PENDING_HEADER);
  if (pending) reportPending(pending.split(","));
  return { body: result, revision: response.headers.get(REVISION_HEADER) ?? "" };
}

/** Why the server refused a name and a password. */
export type SignInRefusal = "failed" | "initialPassword" | "providerDown";

/**
 * Signs in through the server's form, which answers with a redirect to the start page or back to
 * the sign-in page. Returns why the server refused, or null after a success.
 */
export async function signIn(username: string, password: string): Promise<SignInRefusal | null> {
  const response = await reach(`${prefix}/signin`, {
    method: "POST",
    body: new URLSearchParams({ username, password }),
  });
  if (!response.ok) throw await failure(response);
  const { pathname, searchParams } = new URL(response.url);
  if (!pathname.endsWith("/signin")) return null;
  const reason = searchParams.get("reason");
  return reason === "initialPassword" || reason === "providerDown" ? reason : "failed";
}

/** The signed-in user, whose writes are accepted with a new CSRF token from now on. */
export async function currentUser(): Promise<OpenUserInfoDTO | null> {
  return userOf(await request("GET", "user"));
}

/** The same without waiting for a sign-in: null if there is no session. */
export async function sessionUser(): Promise<string | null> {
  const response = await requestOnce("GET", "user");
  return isSignedOut(response) ? null : ((await userOf(response))?.userId ?? null);
}

/**
 * Keeps the CSRF token for the user of the page. If another one has signed in in another tab, nothing may be written:
 * the page is left for a new one.
 */
async function userOf(response: Answer): Promise<OpenUserInfoDTO | null> {
  const user = await read<OpenUserInfoDTO>(response);
  const id = user?.userId ?? null;
  pageUser ??= id;
  if (id === pageUser) csrfToken = response.headers.get(CSRF_HEADER) ?? csrfToken;
  else window.location.assign(`${prefix}/`);
  return user;
}

/** What is sent besides the path. */
interface Sent {
  body?: unknown;
  revision?: string | undefined;
  signal?: AbortSignal | undefined;
}

function request(method: string, path: string, sent: Sent = {}): Promise<Answer> {
  return inSession(() => requestOnce(method, path, sent));
}

/** A call that finds that the session has ended waits for a new sign-in, then is repeated. */
async function inSession<A extends Answer>(call: () => Promise<A>): Promise<A> {
  const answer = await call();
  return isSignedOut(answer) && (await signedInAgain()) ? call() : answer;
}

async function requestOnce(method: string, path: string, { body, revision, signal }: Sent = {}): Promise<Answer> {
  const headers = new Headers({ Accept: "application/json" });
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers.set("Content-Type", "application/json");
  if (method !== "GET" && csrfToken !== null) headers.set(CSRF_HEADER, csrfToken);
  if (revision) headers.set(REVISION_HEADER, revision);
  const init: RequestInit = { method, headers, redirect: "manual" };
  if (body !== undefined) init.body = isForm ? body : JSON.stringify(body);
  const call = (path: string, signal?: AbortSignal) =>
    reach(`${prefix}/openapi/v1/${path}`, signal ? { ...init, signal } : init);
  return method === "GET" ? readTogether(path, call, signal) : call(path, signal);
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new ApiError(0, cause instanceof Error ? cause.message : "");
  }
}

async function read<T>(response: Answer): Promise<T | null> {
  if (!response.ok) throw await failure(response);
  const text = await response.text();
  return text === "" ? null : (JSON.parse(text) as T);
}

/** A redirect of an API call can only lead to the sign-in page. */
function isSignedOut(response: Answer): boolean {
  return response.status === 401 || response.type === "opaqueredirect";
}

async function failure(response: Answer): Promise<ApiError> {
  if (isSignedOut(response)) return new ApiError(401, "");
  const text = await response.text();
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  let body: { message?: string; code?: string } & Stale = {};
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    body.message = response.statusText;
  }
  return new ApiError(
    response.status,
    body.message ?? "",
    body.code,
    Number.isFinite(retryAfter) ? retryAfter : undefined,
    body,
  );
}
