// What the clients of a namespace are served now: the live release, the gray release with its
// audience, and how many instances have each of them.
import { queryOptions } from "@tanstack/react-query";

import type { OpenNamespaceDTO, OpenReleaseDTO } from "./bodies";
import { get, path } from "./client";
import { inBranch } from "./gray";
import { namespacePath, type Place } from "./queries";
import type { OpenGrayReleaseRuleDTO, OpenGrayReleaseRuleItemDTO, OpenInstancePageDTO } from "./schema";

export interface Served {
  /** Null if nothing has been published in the cluster. */
  live: OpenReleaseDTO | null;
  gray: { release: OpenReleaseDTO; rules: OpenGrayReleaseRuleItemDTO[] } | null;
}

export const served = (at: Place) =>
  queryOptions({
    // A publish makes the history stale, and this with it.
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "served"],
    queryFn: async (): Promise<Served> => {
      const [live, branch] = await Promise.all([latest(at), get<OpenNamespaceDTO>(`${namespacePath(at)}/branches`)]);
      if (!branch) return { live, gray: null };
      const [release, rule] = await Promise.all([
        latest(inBranch(at, branch.clusterName)),
        get<OpenGrayReleaseRuleDTO>(namespacePath(at) + path`/branches/${branch.clusterName}/rules`),
      ]);
      return { live, gray: release && { release, rules: rule?.ruleItems ?? [] } };
    },
  });

export const liveRelease = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "live"],
    queryFn: () => latest(at),
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

function latest(at: Place) {
  return get<OpenReleaseDTO>(`${namespacePath(at)}/releases/latest`);
}
