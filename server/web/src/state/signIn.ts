// The way into the portal and back to where the user wanted to go. Pure.

export type Notice = "failed" | "signedOut" | "expired";

/** The server speaks by fragment (`#/error`, `#/logout`), the UI by `reason`. */
export function signInNotice(fragment: string, reason: string | undefined): Notice | null {
  if (fragment.endsWith("/error") || reason === "failed") return "failed";
  if (fragment.endsWith("/logout") || reason === "logout") return "signedOut";
  return reason === "expired" ? "expired" : null;
}

/** The address to open after sign-in: never another origin, and never the sign-in again. */
export function wantedAddress(next: string | undefined, prefix: string, origin: string): string {
  const home = `${prefix}/`;
  if (!next?.startsWith("/")) return home;
  // Without the prefix, "//host" and "/\host" would name another origin.
  const alone = new URL(next, origin);
  if (alone.origin !== origin || alone.pathname === "/signin") return home;
  return prefix + alone.pathname + alone.search + alone.hash;
}
