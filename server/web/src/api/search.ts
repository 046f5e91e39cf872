// Searches over all apps and environments, for the palette. The server returns only what the user may
// see.
import { queryOptions } from "@tanstack/react-query";

import type { OpenAppDTO, OpenAppNamespaceDTO } from "./bodies";
import { get, path } from "./client";
import type { FoundItems } from "./schema";

const APPS = 8;
/** Apollo's server returns namespaces that contain the key in the form of apps. */
const NO_APP = "SearchByItem+";

export interface FoundItem {
  app: string;
  env: string;
  cluster: string;
  ns: string;
  key: string;
}

export const appsLike = (text: string) =>
  queryOptions({
    queryKey: ["search", "apps", text],
    enabled: text !== "",
    queryFn: async () => {
      const query = path`query=${text}&page=0&size=${APPS}`;
      const page = await get<{ content?: OpenAppDTO[]; total?: number }>(`apps/search/by-appid-or-name?${query}`);
      const apps = (page?.content ?? []).filter((app) => !app.orgName?.startsWith(NO_APP));
      return { apps, total: apps.length === 0 ? 0 : (page?.total ?? 0) };
    },
  });

/** Items whose key, or whose value, contains a text; `message` names environments that were not searched. */
export const itemsLike = (by: "key" | "value", text: string) =>
  queryOptions({
    queryKey: ["search", by, text],
    enabled: text !== "",
    queryFn: async () => {
      const found = await get<FoundItems>(`global-search/item-info/by-key-or-value?${by}=${encodeURIComponent(text)}`);
      const items = (found?.body ?? []).map((item): FoundItem => {
        const { appId = "", envName = "", clusterName = "", namespaceName = "", key = "" } = item;
        return { app: appId, env: envName, cluster: clusterName, ns: namespaceName, key };
      });
      return { items, message: found?.message === "OK" ? "" : (found?.message ?? "") };
    },
  });

/** The public namespaces of all apps. */
export const publicNamespaces = queryOptions({
  queryKey: ["public"],
  queryFn: async () => (await get<OpenAppNamespaceDTO[]>("appnamespaces")) ?? [],
});
