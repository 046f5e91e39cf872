// Favourite apps, apps by id, and the right to create apps: what the start page needs besides the lists of apps.
import { queryOptions } from "@tanstack/react-query";

import type { OpenAppDTO } from "./bodies";
import { get, path, send } from "./client";
import type { Favorite } from "./schema";

const MOST = 500;

export type Pin = Required<Pick<Favorite, "id" | "appId">>;

/** Those of the user in their order. */
export const pins = (user: string) =>
  queryOptions({
    queryKey: ["home", "pins", user],
    queryFn: async () => (await get<Pin[]>(path`favorites?userId=${user}&page=0&size=${MOST}`)) ?? [],
  });

/** In the order of the ids, without those that do not exist. */
export const appsById = (ids: string[]) =>
  queryOptions({
    queryKey: ["home", "apps", ids],
    queryFn: async () => {
      if (ids.length === 0) return [];
      const apps = (await get<OpenAppDTO[]>(path`apps?appIds=${ids.join(",")}`)) ?? [];
      return ids.flatMap((id) => apps.filter((app) => app.appId === id));
    },
  });

/** The right is checked again when an app is created. */
export const mayCreateApps = (user: string) =>
  queryOptions({
    queryKey: ["rights", "createApp", user],
    queryFn: async () => {
      const right = await get<Record<string, boolean>>(path`system/roles/create-application?userId=${user}`);
      return Object.values(right ?? {}).some(Boolean);
    },
  });

export function pin({ user, app }: { user: string; app: string }) {
  return send<Pin>("POST", "favorites", { userId: user, appId: app });
}

export function unpin(id: number) {
  return send("DELETE", path`favorites/${id}`);
}

export function movePinToTop(id: number) {
  return send("PUT", path`favorites/${id}`);
}
