// The way into the portal and back to where the user wanted to go. Pure.

export type Notice = "failed" | "initialPassword" | "signedOut" | "expired";

/** Whether the notice says why a sign-in was refused. */
export function isRefusal(notice: Notice): boolean {
  return notice === "failed" || notice === "initialPassword";
}

/** The server speaks by fragment (`#/error`, `#/logout`), the UI by `reason`. */
export function signInNotice(fragment: string, reason: string | undefined): Notice | null {
  if (reason === "initialPassword") return "initialPassword";
  if (fragment.endsWith("/error") || reason === "failed") return "failed";
  if (fragment.endsWith("/logout") || reason === "logout") return "signedOut";
  return reason === "expired" ? "expired" : null;
}

/** The address to open after sign-in: never another origin, and never the sign-in again. */
export function wantedAddress(next: string | undefined, prefix: string, origin: string): string {
  const home = `${prefix}/`;
  if (!next?.startsWith("/")) return home;
  const asked = new URL(next, origin);
  if (asked.origin !== origin || asked.pathname === "/signin") return home;
  // Judged once more as the browser will read it: "/.//host" is a path here and names a host as soon as its dot is resolved.
  const target = prefix + asked.pathname + asked.search + asked.hash;
  return new URL(target, origin).origin === origin ? target : home;
}
