// What the signed-in user may do in several namespaces, and in the app itself. Hidden actions are a
// courtesy: the server checks each call.
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";

import { get, path } from "./client";
import { useBoot, type Place } from "./queries";
import { masters, ownRights, type OwnRights, type Right } from "./roles";
import type { OpenPermissionConditionDTO, PageSettings } from "./schema";
import { rootRight } from "./users";

const FRESH_MS = 60_000;

async function hasPermission(user: string, permission: string, app: string): Promise<boolean> {
  const target = path`apps/${app}/permissions/${permission}?userId=${user}`;
  return (await get<OpenPermissionConditionDTO>(target))?.hasPermission === true;
}

/** Whether a user may create clusters or namespaces in an app. */
export const mayCreate = (user: string, what: "Cluster" | "Namespace", app: string) =>
  queryOptions({
    queryKey: ["access", app, "create", what, user],
    staleTime: FRESH_MS,
    queryFn: () => hasPermission(user, `Create${what}`, app),
  });

/** Whether an administrator of an app may appoint and remove others; a setting requires a permission of its own. */
export const mayAppoint = (user: string, app: string) =>
  queryOptions({
    queryKey: ["access", app, "appoint", user],
    staleTime: FRESH_MS,
    queryFn: async () => {
      const limits = await get<Partial<Record<string, boolean>>>("system/role/manage-app-master");
      return limits?.isManageAppMasterPermissionEnabled !== true || hasPermission(user, "ManageAppMaster", app);
    },
  });

const pageSettings = queryOptions({
  queryKey: ["page settings"],
  staleTime: FRESH_MS,
  queryFn: () => get<PageSettings>("page-settings"),
});

/** Whether a user who may create a namespace may create a private one. */
export function useMayBePrivate(): boolean {
  const settings = useQuery(pageSettings).data;
  return useRoot() === true || settings?.canAppAdminCreatePrivateNamespace !== false;
}

/** Undefined until it is known. */
export function useMayCreate(what: "Cluster" | "Namespace", app: string): boolean | undefined {
  return useQuery(mayCreate(useBoot().user.userId, what, app)).data;
}

/** Undefined until it is known. */
export function useRoot(): boolean | undefined {
  return useQuery(rootRight(useBoot().user.userId)).data;
}

/** Whether the user administers the app; undefined until it is known. */
export function useAppAdmin(app: string): boolean | undefined {
  const { userId } = useBoot().user;
  const isRoot = useRoot();
  const admins = useQuery(masters(app)).data;
  if (isRoot) return true;
  return admins && isRoot === false ? admins.some((admin) => admin.userId === userId) : undefined;
}

/** What the user may do in each place, in their order; undefined until it is known. */
export function useRights(places: Place[]): (OwnRights | undefined)[] {
  const { userId } = useBoot().user;
  const answers = useQueries({
    queries: places.map((place) => ({ ...ownRights(place, userId), staleTime: FRESH_MS })),
  });
  return answers.map(({ data }) => data);
}

export function useRight(place: Place, right: Right): boolean {
  return useRights([place])[0]?.[right] ?? false;
}

type Target = Omit<Place, "app" | "ns">;

/** Whether the user may edit each of these namespaces; undefined until it is known. */
export function useWritable(app: string, targets: Target[], namespaces: string[]) {
  const places = targets.flatMap(({ env, cluster }) => namespaces.map((ns) => ({ app, env, cluster, ns })));
  const rights = useRights(places);
  const name = ({ env, cluster }: Target, ns: string) => [env, cluster, ns].join("\n");
  const known = new Map(places.map((place, index) => [name(place, place.ns), rights[index]?.edit]));
  return (target: Target, ns: string) => known.get(name(target, ns));
}
