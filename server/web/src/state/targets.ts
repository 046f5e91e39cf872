// Names for what is published together: namespaces of one cluster, or of several. Pure.
import type { Place } from "../api/queries";

/** Environments and clusters of some namespaces, each once. */
export function scopeOf(places: Place[]): { envs: string[]; clusters: string[] } {
  const once = (names: string[]) => [...new Set(names)];
  return { envs: once(places.map(({ env }) => env)), clusters: once(places.map(({ cluster }) => cluster)) };
}

/** With its environment and cluster if they are not the same for all. */
export function targetName({ env, cluster, ns }: Place, all: Place[]): string {
  const { envs, clusters } = scopeOf(all);
  return envs.length > 1 || clusters.length > 1 ? `${ns} (${env} / ${cluster})` : ns;
}
