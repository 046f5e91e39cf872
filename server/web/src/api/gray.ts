// The gray release of a namespace: its branch, rule, release and instances, and the actions on it.
import { queryOptions, type Query, type QueryKey } from "@tanstack/react-query";

import type { NamespaceReleaseDTO, OpenNamespaceDTO, OpenReleaseDTO } from "./bodies";
import { get, getWithRevision, path, readWith, send } from "./client";
import { getPage } from "./pages";
import { latestRelease, namespacePath, type Place } from "./queries";
import type {
  GrayAudience,
  OpenGrayReleaseRuleDTO,
  OpenGrayReleaseRuleItemDTO,
  OpenInstanceDTO,
  OpenInstancePageDTO,
  OpenReleaseHistoryDTO,
} from "./schema";

/** Instances that are shown by name; counts include all. */
const INSTANCES = 200;
const HISTORY = 50;

export interface GrayState {
  rules: OpenGrayReleaseRuleItemDTO[];
  rulesRevision: string;
  /** Null before the first gray publish. */
  release: OpenReleaseDTO | null;
  /** Instances that have this release, with the time of its delivery. */
  onGray: { total: number; list: OpenInstanceDTO[] };
  /** Instances that have any release of the branch, also an earlier one. */
  inBranch: { total: number; list: OpenInstanceDTO[] };
  onMaster: { total: number; list: OpenInstanceDTO[] };
  history: OpenReleaseHistoryDTO[];
}

const key = (at: Place): QueryKey => ["gray", at.app, at.env, at.cluster, at.ns];

/**
 * Selects the gray releases of a namespace in all clusters: an edit of a branch names the branch instead of its
 * cluster.
 */
export const grayOf = (app: string, env: string, ns: string) => ({
  queryKey: ["gray", app, env],
  predicate: ({ queryKey }: Pick<Query, "queryKey">) => queryKey[4] === ns,
});

/** What an action on a gray release may change. */
export const staleGray = (at: Place): QueryKey[] => [
  key(at),
  ["draft", at.app, at.env, at.cluster, at.ns],
  ["history", at.app, at.env, at.cluster, at.ns],
  ["list", at.app, at.env, at.cluster],
];

/** The branch with its items and their revision; null if the namespace has no gray release. */
export const branch = (at: Place) =>
  queryOptions({
    queryKey: key(at),
    queryFn: async () => {
      const { body, revision } = await getWithRevision<OpenNamespaceDTO>(`${namespacePath(at)}/branches`);
      return body && { ...body, revision };
    },
  });

/** The namespace of a branch, for the operations on its items. */
export const inBranch = (at: Place, name: string): Place => ({ ...at, cluster: name });

export const grayState = (at: Place, name: string) =>
  queryOptions({
    queryKey: [...key(at), name],
    queryFn: async (): Promise<GrayState> => {
      const [rules, release, inGray, onMaster, history] = await Promise.all([
        getWithRevision<OpenGrayReleaseRuleDTO>(branchPath(at, name) + "/rules"),
        latestRelease(inBranch(at, name)),
        instances(inBranch(at, name)),
        instances(at),
        grayHistory(at),
      ]);
      // By release, because only that answer contains the time of the delivery.
      const onGray = release ? await instancesOf(at.env, release.id) : { total: 0, list: [] };
      return {
        rules: rules.body?.ruleItems ?? [],
        rulesRevision: rules.revision,
        release,
        onGray,
        inBranch: inGray,
        onMaster,
        history: history.filter((entry) => entry.branchName === name),
      };
    },
  });

/** The audiences of all gray releases of the app in the environment; none from an admin service of Apollo. */
export const grayAudiences = (at: Place) =>
  queryOptions({
    queryKey: ["gray", at.app, at.env, "audiences"],
    staleTime: 0,
    queryFn: async () =>
      (await get<OpenGrayReleaseRuleDTO[]>(path`envs/${at.env}/apps/${at.app}/gray-audiences`)) ?? [],
  });

/** The instances that rules would match now, before they are stored. */
export const grayPreview = (at: Place, name: string, ruleItems: OpenGrayReleaseRuleItemDTO[]) =>
  queryOptions({
    queryKey: [...key(at), name, "preview", ruleItems],
    staleTime: 0,
    queryFn: ({ signal }) => readWith<GrayAudience>(`${branchPath(at, name)}/rules/preview`, { ruleItems }, signal),
  });

/** The newest operations on a namespace, without the values of the releases. */
function grayHistory(at: Place) {
  const namespace = path`apps/${at.app}/envs/${at.env}/clusters/${at.cluster}/namespaces/${at.ns}`;
  return getPage<OpenReleaseHistoryDTO>(`${namespace}/releases/histories?onlyKey=`, 0, HISTORY);
}

/** Instances that read a release of this cluster or branch, and of no other. */
async function instances(at: Place) {
  const query = path`appId=${at.app}&clusterName=${at.cluster}&namespaceName=${at.ns}&page=0&size=${INSTANCES}`;
  return page(await get<OpenInstancePageDTO>(path`envs/${at.env}/instances/by-namespace` + `?${query}`));
}

async function instancesOf(env: string, releaseId: number) {
  const query = path`releaseId=${releaseId}&page=0&size=${INSTANCES}`;
  return page(await get<OpenInstancePageDTO>(path`envs/${env}/instances/by-release` + `?${query}`));
}

function page(found: OpenInstancePageDTO | null) {
  return { total: found?.total ?? 0, list: found?.instances ?? [] };
}

const branchPath = (at: Place, name: string) => `${namespacePath(at)}${path`/branches/${name}`}`;

export function startGray(at: Place) {
  return send<OpenNamespaceDTO>("POST", `${namespacePath(at)}/branches`);
}

/** Refused if the rules have another revision by now. */
export function saveRules(at: Place, name: string, ruleItems: OpenGrayReleaseRuleItemDTO[], revision: string) {
  return send("PUT", `${branchPath(at, name)}/rules`, { ruleItems }, revision);
}

/** Refused if the values of the branch have another revision by now. */
export function publishGray(at: Place, name: string, body: NamespaceReleaseDTO, revision: string) {
  return send<OpenReleaseDTO>("POST", `${branchPath(at, name)}/releases`, body, revision);
}

/** The revisions of the main line and of the branch that a user saw. */
export interface MergeBase {
  main: string;
  branch: string;
}

/**
 * Merges the gray values into the main line, and publishes that to all instances. Refused if either
 * has another revision by now.
 */
export function releaseToAll(
  at: Place,
  name: string,
  deleteBranch: boolean,
  body: NamespaceReleaseDTO,
  { main, branch }: MergeBase,
) {
  // An admin service of Apollo has no revisions.
  const query = path`?deleteBranch=${String(deleteBranch)}` + (branch && path`&branchRevision=${branch}`);
  return send<OpenReleaseDTO>("POST", `${branchPath(at, name)}/merge${query}`, body, main);
}

/** Refused if the values of the branch have another revision by now. */
export function abandonGray(at: Place, name: string, revision: string) {
  return send("DELETE", branchPath(at, name), undefined, revision);
}
