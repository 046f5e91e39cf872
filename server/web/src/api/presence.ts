// Where an app and its namespaces exist, and adding them where they are missing: an environment that
// was unreachable when they were created lacks them.
import { queryOptions } from "@tanstack/react-query";

import type { OpenAppDTO } from "./bodies";
import { get, path, send } from "./client";
import type { OpenMissEnvDTO } from "./schema";

/** The environments that answer, and lack the app. */
export const missingEnvs = (app: string) =>
  queryOptions({
    queryKey: ["app", app, "missing"],
    queryFn: async () => {
      const found = (await get<OpenMissEnvDTO[]>(path`apps/${app}/miss-envs`)) ?? [];
      // Those that do not answer have another code, and a message in place of the name.
      return found.flatMap(({ code, message }) => (code === 200 && message ? [message] : []));
    },
  });

export function addToEnv({ app, env }: { app: OpenAppDTO; env: string }) {
  return send("POST", path`apps/envs/${env}`, app);
}

export const missingNamespaces = (app: string, env: string, cluster: string) =>
  queryOptions({
    queryKey: ["list", app, env, cluster, "missing"],
    queryFn: async () =>
      (await get<string[]>(path`apps/${app}/envs/${env}/clusters/${cluster}/missing-namespaces`)) ?? [],
  });

export function addMissingNamespaces({ app, env, cluster }: { app: string; env: string; cluster: string }) {
  return send("POST", path`apps/${app}/envs/${env}/clusters/${cluster}/missing-namespaces`);
}

/** Whether clusters have unpublished changes, but for environments whose values are hidden from the user. */
export const unpublishedClusters = (app: string) =>
  queryOptions({
    queryKey: ["app", app, "unpublished"],
    queryFn: async () =>
      (await get<Record<string, Record<string, boolean>>>(
        path`apps/${app}/namespaces/releases/status` + "?allEnvs=true",
      )) ?? {},
  });
