// Reads of the history: publishes, rollbacks and gray operations of a namespace, and the edits of
// its items.
import { queryOptions } from "@tanstack/react-query";

import { get, path } from "./client";
import { namespacePath, type Place } from "./queries";
import type { OpenReleaseDTO } from "./bodies";
import type { OpenCommitDTO, OpenReleaseHistoryDTO } from "./schema";

function historyPath({ app, env, cluster, ns }: Place): string {
  return path`apps/${app}/envs/${env}/clusters/${cluster}/namespaces/${ns}`;
}

/** The newest publishes, rollbacks and gray operations, with the value of one key or without values. */
export const releaseHistory = (at: Place, size: number, key = "") =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "releases", size, key],
    queryFn: async () => {
      const query = path`page=0&size=${size}&onlyKey=${key}`;
      return (await get<OpenReleaseHistoryDTO[]>(`${historyPath(at)}/releases/histories?${query}`)) ?? [];
    },
  });

/** The newest edits, of all keys or of one. */
export const commits = (at: Place, size: number, key = "") =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "commits", size, key],
    queryFn: async () => {
      const query = path`page=0&size=${size}` + (key && path`&key=${key}`);
      return (await get<OpenCommitDTO[]>(`${historyPath(at)}/commits?${query}`)) ?? [];
    },
  });

/** The release that clients receive, without its values; none if nothing is published. */
export const servedRelease = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "served"],
    queryFn: async () =>
      (await get<OpenReleaseDTO[]>(`${namespacePath(at)}/releases/active?page=0&size=1&onlyKey=`)) ?? [],
  });

/** How many instances read a namespace. */
export const instanceCount = (at: Place) =>
  queryOptions({
    queryKey: ["instances", at.app, at.env, at.cluster, at.ns, "count"],
    queryFn: async () => (await get<number>(`${namespacePath(at)}/instances`)) ?? 0,
  });
