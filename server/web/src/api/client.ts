// The only fetch of the UI: prefix path, CSRF token, errors. Knows no page and no cache.
import { ApiError } from "./errors";

const CSRF_HEADER = "X-CSRF-Token";

/** Path under which the portal is served, without a trailing slash. */
export const prefix = new URL(document.baseURI).pathname.replace(/\/$/, "");

let csrfToken: string | null = null;

/** Tag of path templates: each value becomes one escaped segment or query value. */
export function path(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  return String.raw({ raw: parts }, ...values.map((value) => encodeURIComponent(value)));
}

/**
 * A key as a path segment: keys may contain slashes, which proxies split or reject even if they are
 * escaped.
 */
export function encodedKey(key: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(key));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Empty answers, by which the API reports a missing object, are null. */
export async function get<T>(path: string): Promise<T | null> {
  return read<T>(await request("GET", path));
}

/**
 * Sends a write; never repeated automatically, except for a CSRF token that another tab has
 * replaced.
 */
export async function send<T>(method: "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<T | null> {
  const used = csrfToken;
  let response = await request(method, path, body);
  if (response.status === 403 && (await freshToken()) !== used) response = await request(method, path, body);
  return read<T>(response);
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

async function request(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (method !== "GET" && csrfToken !== null) headers.set(CSRF_HEADER, csrfToken);
  const init: RequestInit = { method, headers, redirect: "manual" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await reach(`${prefix}/openapi/v1/${path}`, init);
  csrfToken = response.headers.get(CSRF_HEADER) ?? csrfToken;
  return response;
}

async function freshToken(): Promise<string | null> {
  await request("GET", "user");
  return csrfToken;
}

async function reach(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (cause) {
    throw new ApiError(0, cause instanceof Error ? cause.message : "");
  }
}

async function read<T>(response: Response): Promise<T | null> {
  if (!response.ok) throw await failure(response);
  const text = await response.text();
  return text === "" ? null : (JSON.parse(text) as T);
}

async function failure(response: Response): Promise<ApiError> {
  // A redirect of an API call can only lead to the sign-in page.
  if (response.type === "opaqueredirect") return new ApiError(401, "");
  const text = await response.text();
  const retryAfter = Number(response.headers.get("Retry-After") ?? NaN);
  let body: { message?: string; code?: string } = {};
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
  );
}
