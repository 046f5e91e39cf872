// Which instances have a release. Known from their own requests, so it is read again until all of them
// have it.
import { queryOptions } from "@tanstack/react-query";

import type { OpenInstanceDTO } from "./bodies";
import { get, path } from "./client";
import { namespacePath, type Place } from "./queries";

const PAGE = 100;
/** Instances without the release that are named; right after a publish nearly all lack it. */
export const NAMED = 5;
const AGAIN_MS = 2000;
/** Instances that have not asked by then are probably not running any more. */
export const PATIENCE_MS = 600_000;

interface InstancePage {
  total?: number;
  instances?: OpenInstanceDTO[];
}

export interface Rollout {
  have: number;
  total: number;
  /** Some of those that do not have it. */
  late: OpenInstanceDTO[];
}

/** The instances that have asked for the namespace within a day. */
export const instances = (at: Place) =>
  queryOptions({
    queryKey: ["instances", at.app, at.env, at.cluster, at.ns],
    queryFn: async () => {
      const query = path`appId=${at.app}&clusterName=${at.cluster}&namespaceName=${at.ns}&page=0&size=${PAGE}`;
      const page = await get<InstancePage>(path`envs/${at.env}/instances/by-namespace` + `?${query}`);
      return { total: page?.total ?? 0, list: page?.instances ?? [] };
    },
  });

export const rollout = (at: Place, releaseId: number, since: number) =>
  queryOptions({
    queryKey: ["rollout", at.env, releaseId],
    queryFn: async (): Promise<Rollout> => {
      const query = path`appId=${at.app}&clusterName=${at.cluster}&namespaceName=${at.ns}&releaseIds=${releaseId}&limit=${NAMED}`;
      const [total, page, late] = await Promise.all([
        get<number>(`${namespacePath(at)}/instances`),
        get<InstancePage>(path`envs/${at.env}/instances/by-release?releaseId=${releaseId}&page=0&size=1`),
        get<OpenInstanceDTO[]>(path`envs/${at.env}/instances/by-namespace-and-releases-not-in` + `?${query}`),
      ]);
      return { have: page?.total ?? 0, total: total ?? 0, late: late ?? [] };
    },
    refetchInterval: ({ state: { data } }) => {
      const isComplete = data !== undefined && data.have >= data.total;
      return isComplete || Date.now() - since > PATIENCE_MS ? false : AGAIN_MS;
    },
  });
