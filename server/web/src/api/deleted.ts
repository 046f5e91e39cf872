// What was deleted of an app, the apps that were deleted, and their restoration.
import { queryOptions } from "@tanstack/react-query";

import type { DeletedApp, DeletedObject } from "./bodies";
import { get, path, send } from "./client";
import type { DeletedObjects, NewRestoration } from "./schema";

/** Days within which what was deleted can be restored. */
export const RESTORE_DAYS = 30;

export const deletedOf = (app: string) =>
  queryOptions({
    queryKey: ["app", app, "deleted"],
    queryFn: async () => {
      const { objects = [], unreachableEnvs = [] } = (await get<DeletedObjects>(path`apps/${app}/deleted`)) ?? {};
      return { objects: objects as DeletedObject[], unreachableEnvs };
    },
  });

export const deletedApps = queryOptions({
  queryKey: ["admin", "deleted"],
  queryFn: async () => (await get<DeletedApp[]>("deleted-apps")) ?? [],
});

export function restore(app: string, { kind, env, clusterName, namespaceName, deletedTime }: NewRestoration) {
  const body: NewRestoration = {
    ...(kind !== undefined && { kind }),
    ...(env !== undefined && { env }),
    ...(clusterName !== undefined && { clusterName }),
    ...(namespaceName !== undefined && { namespaceName }),
    ...(deletedTime !== undefined && { deletedTime }),
  };
  return send("POST", path`apps/${app}/restorations`, body);
}
