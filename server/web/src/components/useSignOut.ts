// Signing out, after which others may use the browser: the unsaved edits of the user do not stay.
import { prefix } from "../api/client";
import { useBoot } from "../api/queries";
import { dropUnsavedOf } from "../state/unsaved";

export function useSignOut(): () => void {
  const { userId } = useBoot().user;
  return () => {
    const leaving = new AbortController();
    window.addEventListener("pagehide", () => dropUnsavedOf(userId), { signal: leaving.signal });
    // The browser may ask before it leaves an edit: who attempts to leave the page once more has stayed.
    const attempt = () => window.addEventListener("beforeunload", () => leaving.abort(), { once: true });
    window.addEventListener("beforeunload", attempt, { once: true });
    window.location.assign(`${prefix}/user/logout`);
  };
}
