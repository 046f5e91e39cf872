// The redirect to the sign-in page and back to the requested page. Pure.

export type Notice = "failed" | "initialPassword" | "refused" | "providerDown" | "signedOut" | "expired";

/** How users sign in: with a form, with the identity provider of this name, or both, or through a proxy. */
export interface SignInWays {
  form: boolean;
  provider: string | null;
  /** Whether a proxy has identified the user, whose session begins with any other page. */
  isProxied: boolean;
  /** Whether another system has the accounts. */
  isExternal: boolean;
}

/** Reads what the server wrote into the page; without that, users sign in with the form. */
export function signInWays(data: Record<string, string | undefined> | undefined): SignInWays {
  return {
    form: data === undefined || data.form === "form",
    provider: data?.provider || null,
    isProxied: data?.proxy === "proxy",
    isExternal: data?.accounts === "external",
  };
}

/** What the server wrote into this page. */
export function ownSignInWays(): SignInWays {
  return signInWays(document.querySelector<HTMLMetaElement>("meta[name=sign-in]")?.dataset);
}

/** The address that leads to the identity provider, and from there to the page in `next`. */
export function providerAddress(provider: string, next: string | undefined, prefix: string): string {
  const address = `${prefix}/oauth2/authorization/${encodeURIComponent(provider)}`;
  return next === undefined ? address : `${address}?next=${encodeURIComponent(next)}`;
}

/** The address that signs in without a form, and leads to the page in `next`; null if there is none. */
export function singleSignOnAddress(
  { provider, isProxied }: SignInWays,
  next: string | undefined,
  prefix: string,
  origin: string,
): string | null {
  if (isProxied) return wantedAddress(next, prefix, origin);
  return provider === null ? null : providerAddress(provider, next, prefix);
}

/** Whether the notice contains the reason of a refused sign-in. */
export function isRefusal(notice: Notice): boolean {
  return notice !== "signedOut" && notice !== "expired";
}

/** The server sends fragments (`#/error`, `#/logout`), the UI sends `reason`. */
export function signInNotice(fragment: string, reason: string | undefined): Notice | null {
  if (reason === "initialPassword" || reason === "refused" || reason === "providerDown") return reason;
  if (fragment.endsWith("/error") || reason === "failed") return "failed";
  if (fragment.endsWith("/logout") || reason === "logout") return "signedOut";
  return reason === "expired" ? "expired" : null;
}

/**
 * The address to open after the sign-in: never another origin, and never the sign-in page again.
 */
export function wantedAddress(next: string | undefined, prefix: string, origin: string): string {
  const home = `${prefix}/`;
  if (!next?.startsWith("/")) return home;
  const asked = new URL(next, origin);
  if (asked.origin !== origin || asked.pathname === "/signin") return home;
  // Checked again as the browser will interpret it: "/.//host" is a path here but becomes a host
  // when its dot is resolved.
  const target = prefix + asked.pathname + asked.search + asked.hash;
  return new URL(target, origin).origin === origin ? target : home;
}
