// Searches over all apps and environments, for the palette. The server returns only what the user may
// see. A search ends when another text is wanted: of one user it runs few at a time.
import { queryOptions } from "@tanstack/react-query";

import type { FoundPlaces, OpenAppNamespaceDTO } from "./bodies";
import { get, path } from "./client";
import type { FoundItem, FoundItems } from "./schema";

export interface FoundKey {
  app: string;
  env: string;
  cluster: string;
  ns: string;
  key: string;
}

/** The first apps, namespaces or keys that contain a text; `message` names environments that were not searched. */
export const places = (text: string, ...kinds: ("apps" | "namespaces" | "keys")[]) =>
  queryOptions({
    queryKey: ["search", kinds, text],
    enabled: text !== "" && kinds.length > 0,
    queryFn: async ({ signal }) => {
      const found = await get<FoundPlaces>(path`search?q=${text}&in=${kinds.join(",")}`, signal);
      const { apps = [], appTotal = 0, namespaces = [], keys = [], message = "" } = found ?? {};
      return { apps, appTotal, namespaces, items: keys.map(foundKey), message };
    },
  });

/** Items whose value contains a text. */
export const itemsWithValue = (text: string) =>
  queryOptions({
    queryKey: ["search", "values", text],
    enabled: text !== "",
    queryFn: async ({ signal }) => {
      const found = await get<FoundItems>(path`global-search/item-info/by-key-or-value?value=${text}`, signal);
      const message = found?.message === "OK" ? "" : (found?.message ?? "");
      return { items: (found?.body ?? []).map(foundKey), message };
    },
  });

function foundKey({ appId = "", envName = "", clusterName = "", namespaceName = "", key = "" }: FoundItem): FoundKey {
  return { app: appId, env: envName, cluster: clusterName, ns: namespaceName, key };
}

/** The public namespaces of all apps. */
export const publicNamespaces = queryOptions({
  queryKey: ["public"],
  queryFn: async () => (await get<OpenAppNamespaceDTO[]>("appnamespaces")) ?? [],
});
