// Reads: one function for each part of a page, which returns its cache key and its call.
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";

import { appsByName } from "../text/apps";
import type {
  AppDetail,
  OpenAppDTO,
  OpenAppNamespaceDTO,
  OpenEnvClusterDTO,
  OpenNamespaceDTO,
  OpenNamespaceLockDTO,
  OpenOrganizationDto,
  OpenReleaseDiffDTO,
  OpenReleaseDTO,
} from "./bodies";
import { currentUser, get, getWithRevision, path } from "./client";
import { getPage } from "./pages";
import { showStored } from "./preferences";
import type { OpenItemPageDTO } from "./schema";

/** Maximum of the server. */
const PAGE = 2000;
export const RELEASES_SHOWN = 20;

/** Where a namespace is; also the order of the parts in addresses of the UI. */
export interface Place {
  app: string;
  env: string;
  cluster: string;
  ns: string;
}

/** A namespace with the revision that writes to it are based on. */
export type Draft = OpenNamespaceDTO & { revision: string };

export function namespacePath(at: Place): string {
  return path`envs/${at.env}/apps/${at.app}/clusters/${at.cluster}/namespaces/${at.ns}`;
}

/**
 * The signed-in user, and the environments; read once per tab, together with the preferences. Reading
 * the user also returns the CSRF token.
 */
export const boot = queryOptions({
  queryKey: ["boot"],
  staleTime: Infinity,
  queryFn: async () => {
    const [user, envs] = await Promise.all([currentUser(), get<string[]>("envs"), showStored()]);
    return { user: user ?? { userId: "" }, envs: envs ?? [] };
  },
});

export function useBoot() {
  return useSuspenseQuery(boot).data;
}

export const allApps = queryOptions({
  queryKey: ["home", "all"],
  queryFn: async () => appsByName((await get<OpenAppDTO[]>("apps")) ?? []),
});

/** The apps in which the user has a role. The call has pages but no total, so a short page is the last. */
export const ownApps = queryOptions({
  queryKey: ["home", "mine"],
  queryFn: async () => {
    const apps: OpenAppDTO[] = [];
    for (let page = 0, size = PAGE; size === PAGE; page++) {
      const more = (await get<OpenAppDTO[]>(path`apps/by-self?page=${page}&size=${PAGE}`)) ?? [];
      apps.push(...more);
      size = more.length;
    }
    return appsByName(apps);
  },
});

export const organizations = queryOptions({
  queryKey: ["organizations"],
  queryFn: async () => (await get<OpenOrganizationDto[]>("organizations")) ?? [],
});

export const appDetail = (app: string) =>
  queryOptions({
    queryKey: ["app", app],
    queryFn: async (): Promise<AppDetail | null> => {
      const { body, revision } = await getWithRevision<OpenAppDTO>(path`apps/${app}`);
      return body && { ...body, revision };
    },
  });

export const envClusters = (app: string) =>
  queryOptions({
    queryKey: ["app", app, "clusters"],
    queryFn: async () => (await get<OpenEnvClusterDTO[]>(path`apps/${app}/envclusters`)) ?? [],
  });

export const appNamespaces = (app: string) =>
  queryOptions({
    queryKey: ["app", app, "namespaces"],
    queryFn: async () => (await get<OpenAppNamespaceDTO[]>(path`apps/${app}/appnamespaces`)) ?? [],
  });

/** Namespaces of one cluster without their items, so that a list of a thousand is shown at once. */
export const namespaceNames = (app: string, env: string, cluster: string) =>
  queryOptions({
    queryKey: ["list", app, env, cluster, "names"],
    queryFn: () => namespaces(app, env, cluster, "fillItemDetail=false&extendInfo=true"),
  });

/** The same with their number of unpublished changes, however long the items are. */
export const namespaceCounts = (app: string, env: string, cluster: string) =>
  queryOptions({
    queryKey: ["list", app, env, cluster, "counts"],
    queryFn: () => namespaces(app, env, cluster, "fillItemDetail=false&extendInfo=true&countChanges=true"),
  });

/** Namespaces of one cluster with their items and their number of unpublished changes. */
export const namespaceList = (app: string, env: string, cluster: string) =>
  queryOptions({
    queryKey: ["list", app, env, cluster],
    queryFn: () => namespaces(app, env, cluster, "fillItemDetail=true&extendInfo=true"),
  });

async function namespaces(app: string, env: string, cluster: string, query: string): Promise<OpenNamespaceDTO[]> {
  const list = path`envs/${env}/apps/${app}/clusters/${cluster}/namespaces`;
  return (await get<OpenNamespaceDTO[]>(`${list}?${query}`)) ?? [];
}

/**
 * Items of one namespace as stored, each with its live value, and their revision; null if the user
 * may not see any.
 */
export const draft = (at: Place) =>
  queryOptions({
    queryKey: ["draft", at.app, at.env, at.cluster, at.ns],
    queryFn: async (): Promise<Draft | null> => {
      const path = `${namespacePath(at)}?fillItemDetail=true&extendInfo=true`;
      const { body, revision } = await getWithRevision<OpenNamespaceDTO>(path);
      return body && { ...body, revision };
    },
  });

/** How many items a namespace stores. */
export const itemCount = (at: Place) =>
  queryOptions({
    queryKey: ["draft", at.app, at.env, at.cluster, at.ns, "count"],
    queryFn: async () => (await get<OpenItemPageDTO>(`${namespacePath(at)}/items?page=0&size=1`))?.total ?? 0,
  });

/** Where editing and publishing are separated: who edits, and may therefore not publish. */
export const lock = (at: Place) =>
  queryOptions({
    queryKey: ["lock", at.app, at.env, at.cluster, at.ns],
    queryFn: () => get<OpenNamespaceLockDTO>(`${namespacePath(at)}/lock`),
  });

/** Null if nothing has been published in the cluster or branch. */
export const liveRelease = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "live"],
    queryFn: () => latestRelease(at),
  });

/** The same without the cache. */
export function latestRelease(at: Place) {
  return get<OpenReleaseDTO>(`${namespacePath(at)}/releases/latest`);
}

/** Releases that are not abandoned, newest first and without their values; the first one is live. */
export const activeReleases = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "active"],
    // One more, with which the last one is compared.
    queryFn: () => getPage<OpenReleaseDTO>(`${namespacePath(at)}/releases/active?onlyKey=`, 0, RELEASES_SHOWN + 1),
  });

export const release = (env: string, id: number) =>
  queryOptions({
    queryKey: ["release", env, id],
    queryFn: () => get<OpenReleaseDTO>(path`envs/${env}/releases/${id}`),
  });

/** What changes for clients between two releases. */
export const comparison = (env: string, base: number, to: number) =>
  queryOptions({
    queryKey: ["compare", env, base, to],
    queryFn: async () => {
      const query = path`baseReleaseId=${base}&toCompareReleaseId=${to}`;
      return (await get<OpenReleaseDiffDTO>(path`envs/${env}/releases/comparison` + `?${query}`))?.changes ?? [];
    },
  });
