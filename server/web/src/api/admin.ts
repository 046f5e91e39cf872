// What super administrators read and change: consumers, roles of the system, settings, health, audit
// log and webhooks.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { isStored } from "../text/settings";
import { get, path, send } from "./client";
import { ApiError } from "./errors";
import type {
  AuditLog,
  AuditLogDetails,
  Consumer,
  ConsumerToken,
  CreateConsumer,
  EurekaRegistry,
  KnownSetting,
  ServerConfig,
  SystemInfo,
  UpdateConsumer,
  Webhook,
  WebhookDelivery,
} from "./schema";

const PAGE = 50;
const CONSUMERS = 500;

export const consumers = queryOptions({
  queryKey: ["consumers"],
  queryFn: async () => (await get<Consumer[]>(path`consumers?page=0&size=${CONSUMERS}`)) ?? [],
});

/** Its token expires at the end of this day, which may be empty for no such day. */
export function createConsumer(consumer: CreateConsumer, lastDay: string) {
  return send<Consumer>("POST", lastDay === "" ? "consumers" : path`consumers?expires=${endOf(lastDay)}`, consumer);
}

/** In the server's time zone, of a day as `2040-01-15`. */
function endOf(day: string): string {
  return `${day.replaceAll("-", "")}235959`;
}

/** Is refused if it has changed since it was seen, as its deletion is. */
export function updateConsumer({ appId = "", revision }: Consumer, consumer: UpdateConsumer) {
  const rateLimitEnabled = (consumer.rateLimit ?? 0) > 0;
  return send("PUT", path`consumers/by-appId?appId=${appId}`, { ...consumer, rateLimitEnabled }, revision);
}

export function deleteConsumer({ appId = "", revision }: Consumer) {
  return send("DELETE", path`consumers/by-appId?appId=${appId}`, undefined, revision);
}

/** Names of its roles. */
export function consumerRoles(appId: string) {
  return queryOptions({
    queryKey: ["consumer-roles", appId],
    queryFn: async () => (await get<string[]>(path`consumers/by-appId/roles?appId=${appId}`)) ?? [],
  });
}

export function revokeFromConsumer(appId: string, role: string) {
  return send("DELETE", path`consumers/by-appId/roles?appId=${appId}&roleName=${role}`);
}

/**
 * Replaces its token; the earlier one stays valid for this number of seconds. The new one expires at the end of this
 * day; if it is empty, when the earlier one does.
 */
export function rotateConsumer(appId: string, overlap: number, lastDay: string) {
  const expires = lastDay === "" ? "" : path`&expires=${endOf(lastDay)}`;
  const query = path`appId=${appId}&overlap=${overlap}` + expires;
  return send<ConsumerToken>("POST", `consumer-tokens/by-appId/rotate?${query}`);
}

/** Kinds of objects that a consumer may be granted. */
export const GRANT_TYPES = ["AppRole", "NamespaceRole", "ClusterRole"] as const;
/** What it may do with them. */
export const GRANT_OPERATIONS = ["read", "edit", "release"] as const;

export interface ConsumerGrant {
  token: string;
  type: (typeof GRANT_TYPES)[number];
  appId: string;
  /** Name of the namespace or cluster. */
  name: string;
  /** Empty for all environments. */
  envs: string[];
  /** Empty to administer an app, or to edit and publish a namespace or a cluster. */
  operations: string[];
}

export function grantToConsumer({ token, type, appId, name, envs, operations }: ConsumerGrant) {
  const query =
    path`type=${type}` +
    (type !== "AppRole" && envs.length > 0 ? path`&envs=${envs.join(",")}` : "") +
    (operations.length > 0 ? path`&operations=${operations.join(",")}` : "");
  const names = { AppRole: {}, NamespaceRole: { namespaceName: name }, ClusterRole: { clusterName: name } };
  return send("POST", path`consumers/${token}/assign-role` + `?${query}`, { appId, ...names[type] });
}

/** Users who may create apps, where that needs a permission. */
export const appCreators = queryOptions({
  queryKey: ["creators"],
  queryFn: async () => (await get<string[]>("system/roles/create-application/role-users")) ?? [],
});

export function permitCreation(userId: string) {
  return send("POST", "system/roles/create-application", [userId]);
}

export function forbidCreation(userId: string) {
  return send("DELETE", path`system/roles/create-application?userId=${userId}`);
}

/** Rows of the ServerConfig table of the portal, or of an environment. */
export const serverSettings = (env: string | null) =>
  queryOptions({
    queryKey: ["settings", env],
    queryFn: () => storedSettings(env),
  });

async function storedSettings(env: string | null): Promise<ServerConfig[]> {
  return (await get<ServerConfig[]>(`${settingPath(env)}/find-all-config`)) ?? [];
}

/** Every key that the server knows, with its value in effect and the source of it. */
export const knownSettings = (env: string | null) =>
  queryOptions({
    queryKey: ["settings", env, "known"],
    queryFn: async () =>
      (await get<KnownSetting[]>("settings/catalogue" + (env === null ? "" : path`?env=${env}`))) ?? [],
  });

const settingPath = (env: string | null) =>
  env === null ? "server/portal-db/config" : path`server/envs/${env}/config-db/config`;

/** Is refused if the setting has changed since it was seen or, if none was seen, if there is one. */
export async function saveSetting(
  env: string | null,
  setting: Pick<ServerConfig, "key" | "value" | "comment" | "cluster">,
  seen: ServerConfig | undefined,
) {
  // A row that does not exist has no revision that could be sent.
  if (!seen && isStored(await storedSettings(env), setting)) throw new ApiError(409, "", "stale_revision");
  return send("POST", settingPath(env), setting, seen?.revision);
}

export function deleteSetting(env: string | null, key: string, cluster: string, revision?: string) {
  const query = env === null ? path`key=${key}` : path`key=${key}&cluster=${cluster}`;
  return send("DELETE", `${settingPath(env)}?${query}`, undefined, revision);
}

export const systemInfo = queryOptions({
  queryKey: ["health"],
  queryFn: () => get<SystemInfo>("system-info"),
});

/** The Eureka registry of the node that answers, if it hosts one. */
export const eurekaRegistry = queryOptions({
  queryKey: ["health", "eureka"],
  queryFn: () => get<EurekaRegistry>("eureka"),
});

/** The health that a service reports about itself. */
export const serviceHealth = (instanceId: string) =>
  queryOptions({
    queryKey: ["health", instanceId],
    queryFn: () => get<{ status?: { code?: string } }>(path`system-info/health?instanceId=${instanceId}`),
  });

/** The operations that a query finds, newest first. */
export const auditLogs = (query: string) =>
  infiniteQueryOptions({
    queryKey: ["audit", query],
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }) => {
      const page = path`page=${pageParam}&size=${PAGE}`;
      return (await get<AuditLog[]>(`apollo/audit/logs/by-name-or-type-or-operator?${query}&${page}`, signal)) ?? [];
    },
    getNextPageParam: (last, all) => (last.length < PAGE ? undefined : all.length),
  });

/** The operations of one request with the fields that they set. */
export const auditTrace = (traceId: string) =>
  queryOptions({
    queryKey: ["audit", "trace", traceId],
    queryFn: async () => (await get<AuditLogDetails[]>(path`apollo/audit/trace?traceId=${traceId}`)) ?? [],
  });

export const webhooks = queryOptions({
  queryKey: ["webhooks"],
  queryFn: async () => (await get<Webhook[]>("webhooks")) ?? [],
});

export const deliveries = queryOptions({
  queryKey: ["webhooks", "deliveries"],
  queryFn: async () => (await get<WebhookDelivery[]>(path`webhooks/deliveries?page=0&size=${PAGE}`)) ?? [],
});

/** Creates one, or changes the one that was seen; is refused if that has changed since, as its deletion is. */
export function saveWebhook(seen: Webhook | null, webhook: Webhook) {
  return seen
    ? send<Webhook>("PUT", path`webhooks/${seen.id ?? 0}`, webhook, seen.revision)
    : send<Webhook>("POST", "webhooks", webhook);
}

export function deleteWebhook({ id = 0, revision }: Webhook) {
  return send("DELETE", path`webhooks/${id}`, undefined, revision);
}

export function testWebhook(id: number) {
  return send("POST", path`webhooks/${id}/test`);
}
