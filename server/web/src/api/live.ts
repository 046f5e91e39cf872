// What the clients of a namespace are served now: the live release, the gray release with its
// audience, and how many instances have each of them.
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";

import type { OpenReleaseDTO } from "./bodies";
import { get, path } from "./client";
import { branch, inBranch } from "./gray";
import { servedRelease } from "./history";
import { envClusters, latestRelease, liveRelease, namespacePath, type Place } from "./queries";
import type { OpenGrayReleaseRuleDTO, OpenGrayReleaseRuleItemDTO, OpenInstancePageDTO } from "./schema";

/** Clusters beside the open one whose releases are read. */
const OTHERS = 20;

export interface Served {
  /** Null if nothing has been published in the cluster. */
  live: OpenReleaseDTO | null;
  gray: { release: OpenReleaseDTO; rules: OpenGrayReleaseRuleItemDTO[] } | null;
}

export const served = (at: Place) =>
  queryOptions({
    // A publish makes the history stale, and this with it.
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "servedNow"],
    queryFn: async ({ client }): Promise<Served> => {
      const [live, open] = await Promise.all([client.query(liveRelease(at)), client.query(branch(at))]);
      if (!open) return { live, gray: null };
      const [release, rule] = await Promise.all([
        latestRelease(inBranch(at, open.clusterName)),
        get<OpenGrayReleaseRuleDTO>(namespacePath(at) + path`/branches/${open.clusterName}/rules`),
      ]);
      return { live, gray: release && { release, rules: rule?.ruleItems ?? [] } };
    },
  });

/** The number of instances that have a release. */
export const receivers = (at: Place, releaseId: number) =>
  queryOptions({
    queryKey: ["instances", at.app, at.env, at.cluster, at.ns, "having", releaseId],
    queryFn: async () => {
      const query = path`releaseId=${releaseId}&page=0&size=1`;
      return (await get<OpenInstancePageDTO>(path`envs/${at.env}/instances/by-release` + `?${query}`))?.total ?? 0;
    },
  });

/** The release of another cluster of the environment. */
export interface OtherRelease {
  at: Place;
  /** Without its values; null if nothing has been published there. */
  release: OpenReleaseDTO | null;
}

/** All that the live view shows first. The page calls this too, to read it while the code of the view is loaded. */
export function useServed(place: Place, enabled = true) {
  const query = useQuery({ ...served(place), enabled });
  const places = useQuery({ ...envClusters(place.app), enabled }).data ?? [];
  const clusters = enabled ? (places.find(({ env }) => env === place.env)?.clusters ?? []) : [];
  const ats = clusters.filter((name) => name !== place.cluster).map((cluster) => ({ ...place, cluster }));
  const found = useQueries({ queries: ats.slice(0, OTHERS).map(servedRelease) });
  // Counted while the gray release, without which nothing is shown, is still unknown.
  const live = useQuery({ ...liveRelease(place), enabled }).data;
  useQuery({ ...receivers(place, live?.id ?? 0), enabled: enabled && Boolean(live) });
  const others = found.flatMap(({ data }, index): OtherRelease[] => {
    const at = ats[index];
    // One that lacks the namespace, or is not read yet, is left out.
    return data === undefined || !at ? [] : [{ at, release: data[0] ?? null }];
  });
  return { query, others };
}
