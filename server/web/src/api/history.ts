// Reads of the history: publishes, rollbacks and gray operations of a namespace, and the edits of
// its items.
import { queryOptions } from "@tanstack/react-query";

import { get, path } from "./client";
import { getPage } from "./pages";
import { namespacePath, type Place } from "./queries";
import type { OpenReleaseDTO } from "./bodies";
import type { OpenCommitDTO, OpenReleaseHistoryDTO } from "./schema";

function historyPath({ app, env, cluster, ns }: Place): string {
  return path`apps/${app}/envs/${env}/clusters/${cluster}/namespaces/${ns}`;
}

/** The newest publishes, rollbacks and gray operations, with the value of one key or without values. */
export const releaseHistory = (at: Place, size: number, key = "", page = 0) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "releases", size, key, page],
    queryFn: ({ signal }) =>
      getPage<OpenReleaseHistoryDTO>(
        `${historyPath(at)}/releases/histories?${path`onlyKey=${key}`}`,
        page,
        size,
        signal,
      ),
  });

/** The newest edits, of all keys or of one. */
export const commits = (at: Place, size: number, key = "", page = 0) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "commits", size, key, page],
    queryFn: ({ signal }) =>
      getPage<OpenCommitDTO>(`${historyPath(at)}/commits${key && path`?key=${key}`}`, page, size, signal),
  });

/** The release that clients receive, without its values; none if nothing is published. */
export const servedRelease = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "served"],
    queryFn: () => getPage<OpenReleaseDTO>(`${namespacePath(at)}/releases/active?onlyKey=`, 0, 1),
  });

/** How many instances read a namespace. */
export const instanceCount = (at: Place) =>
  queryOptions({
    queryKey: ["instances", at.app, at.env, at.cluster, at.ns, "count"],
    queryFn: async () => (await get<number>(`${namespacePath(at)}/instances`)) ?? 0,
  });
