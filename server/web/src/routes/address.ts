// Addresses of pages as text, below the prefix path: for links that are not known until the page
// runs (old addresses, the palette).

export function segments(...parts: string[]): string {
  return parts.map((part) => `/${encodeURIComponent(part)}`).join("");
}

export function search(query: [string, string][]): string {
  return query.length > 0 ? `?${new URLSearchParams(query).toString()}` : "";
}

/** A namespace in the address of a publish; several are separated by commas. */
export function publishTarget(env: string, cluster: string, ns: string): string {
  return `${env}:${cluster}:${ns}`;
}

/** A namespace, or one of its keys. */
export function namespaceAddress(app: string, env: string, cluster: string, ns: string, key?: string): string {
  return (
    segments("a", app, "c", env, cluster, ns) +
    search(
      key === undefined
        ? []
        : [
            ["f", key],
            ["key", key],
          ],
    )
  );
}
