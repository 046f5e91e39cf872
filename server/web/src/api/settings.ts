// Reads and writes of the settings of an app: its description, clusters, namespaces, access keys,
// archives, and its deletion.
import { queryOptions } from "@tanstack/react-query";

import type { AppDetail } from "./bodies";
import { get, path, prefix, send } from "./client";
import type { ImportReport, OpenAccessKeyDTO, OpenNamespaceUsageDTO, UnsignedClients } from "./schema";

/** Is refused if the details have changed since they were read. */
export function updateApp({ revision, ...app }: AppDetail) {
  return send("PUT", path`apps/${app.appId}`, app, revision);
}

export function deleteApp(app: string) {
  return send("DELETE", path`apps/${app}`);
}

export function createCluster(app: string, env: string, name: string) {
  return send("POST", path`envs/${env}/apps/${app}/clusters`, { appId: app, name });
}

export function deleteCluster(app: string, env: string, cluster: string) {
  return send("DELETE", path`envs/${env}/apps/${app}/clusters/${cluster}`);
}

export function deleteAppNamespace(app: string, ns: string) {
  return send("DELETE", path`apps/${app}/appnamespaces/${ns}`);
}

/** Who uses the namespaces of one name, in each cluster. */
export const namespaceUsage = (app: string, ns: string) =>
  queryOptions({
    queryKey: ["app", app, "usage", ns],
    queryFn: async () => (await get<OpenNamespaceUsageDTO[]>(path`apps/${app}/appnamespaces/${ns}/usage`)) ?? [],
  });

export const KEY_LIMIT = 5;
/** What a key does: nothing, log requests with a wrong signature, or reject them. */
export const KEY_MODES = ["off", "observe", "enforce"] as const;
export type KeyMode = (typeof KEY_MODES)[number];

export interface AccessKey {
  id: number;
  secret: string;
  mode: KeyMode;
  by: string;
  at: string | undefined;
}

function keysPath(app: string, env: string): string {
  return path`apps/${app}/envs/${env}/accesskeys`;
}

export const accessKeys = (app: string, env: string) =>
  queryOptions({
    queryKey: ["app", app, "keys", env],
    queryFn: async () => ((await get<OpenAccessKeyDTO[]>(keysPath(app, env))) ?? []).map(accessKey),
  });

/** Clients that the observed keys would reject, in the last 24 hours. */
export const unsignedClients = (app: string, env: string) =>
  queryOptions({
    queryKey: ["app", app, "unsigned", env],
    queryFn: async (): Promise<UnsignedClients> =>
      (await get<UnsignedClients>(`${keysPath(app, env)}/unsigned`)) ?? { known: false },
    // Clients send requests while the page is open.
    staleTime: 0,
  });

export function createKey(app: string, env: string) {
  return send("POST", keysPath(app, env));
}

export function setKeyMode(app: string, env: string, id: number, mode: KeyMode) {
  const key = `${keysPath(app, env)}/${id}`;
  if (mode === "off") return send("PUT", `${key}/deactivation`);
  return send("PUT", `${key}/activation?mode=${mode === "enforce" ? 0 : 1}`);
}

/** Only a key that is off can be deleted. */
export function deleteKey(app: string, env: string, id: number) {
  return send("DELETE", `${keysPath(app, env)}/${id}`);
}

/** `ignore` keeps namespaces that have items, `cover` adds to them and overwrites equal keys. */
export type OnConflict = "ignore" | "cover";

function clusterPath(app: string, env: string, cluster: string): string {
  return path`apps/${app}/envs/${env}/clusters/${cluster}`;
}

/** Address of a download. */
export function exportAddress(app: string, env: string, cluster: string): string {
  return `${prefix}/openapi/v1/${clusterPath(app, env, cluster)}/export`;
}

/** Imports an archive; the server reports its progress under the name `job`. */
export async function importArchive(
  app: string,
  env: string,
  cluster: string,
  file: File,
  onConflict: OnConflict,
  job: string,
) {
  const form = new FormData();
  form.set("file", file);
  const target = `${clusterPath(app, env, cluster)}/import` + `?conflictAction=${onConflict}&job=${job}`;
  return (await send<ImportReport>("POST", target, form))?.entries ?? [];
}

function accessKey(key: OpenAccessKeyDTO): AccessKey {
  return {
    id: key.id ?? 0,
    secret: key.secret ?? "",
    mode: key.enabled ? (key.mode === 1 ? "observe" : "enforce") : "off",
    by: key.dataChangeLastModifiedByDisplayName ?? key.dataChangeLastModifiedBy ?? "",
    at: key.dataChangeLastModifiedTime,
  };
}
