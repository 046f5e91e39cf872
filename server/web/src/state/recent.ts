// The apps that were visited last, newest first; kept in this browser for each user.

const MOST = 12;

export function recentApps(user: string): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(name(user)) ?? "[]");
    return Array.isArray(stored) ? stored.filter((app) => typeof app === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Moves an app to the front. */
export function visit(user: string, app: string): void {
  const apps = [app, ...recentApps(user).filter((other) => other !== app)].slice(0, MOST);
  try {
    localStorage.setItem(name(user), JSON.stringify(apps));
  } catch {
    // Storage may be disabled; then nothing is remembered.
  }
}

function name(user: string): string {
  return `castalia.recent.${user}`;
}
