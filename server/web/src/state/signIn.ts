// The redirect to the sign-in page and back to the requested page. Pure.

export type Notice = "failed" | "initialPassword" | "signedOut" | "expired";

/** Whether the notice contains the reason of a refused sign-in. */
export function isRefusal(notice: Notice): boolean {
  return notice === "failed" || notice === "initialPassword";
}

/** The server sends fragments (`#/error`, `#/logout`), the UI sends `reason`. */
export function signInNotice(fragment: string, reason: string | undefined): Notice | null {
  if (reason === "initialPassword") return "initialPassword";
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
