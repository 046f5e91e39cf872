// Who has which role on an app, a namespace or a cluster; and what the signed-in user may do there.
import { queryOptions } from "@tanstack/react-query";

import type { OpenUserInfoDTO } from "./bodies";
import { get, path, send } from "./client";
import type { Place } from "./queries";
import type { AccessGrant, AccessGrantResult } from "./schema";
import { rootRight } from "./users";

/** Where a role applies: the app, a namespace everywhere or in an environment, or a cluster. */
export type Scope =
  | { kind: "app"; app: string }
  | { kind: "namespace"; app: string; ns: string }
  | { kind: "env"; app: string; ns: string; env: string }
  | { kind: "cluster"; app: string; env: string; cluster: string };

export type Right = "edit" | "publish";

export interface Holders {
  edit: OpenUserInfoDTO[];
  publish: OpenUserInfoDTO[];
}

function scopePath(scope: Scope, leaf: string): string {
  const app = path`apps/${scope.app}`;
  switch (scope.kind) {
    case "app":
      return `${app}/${leaf}`;
    case "namespace":
      return `${app}${path`/namespaces/${scope.ns}`}/${leaf}`;
    case "env":
      return `${app}${path`/envs/${scope.env}/namespaces/${scope.ns}`}/${leaf}`;
    case "cluster":
      return `${app}${path`/envs/${scope.env}/clusters/${scope.cluster}`}/${leaf}`;
  }
}

export const masters = (app: string) =>
  queryOptions({
    queryKey: ["access", app, "masters"],
    queryFn: async () =>
      (await get<{ masterUsers?: OpenUserInfoDTO[] }>(scopePath({ kind: "app", app }, "role-users")))?.masterUsers ??
      [],
  });

export const holders = (scope: Exclude<Scope, { kind: "app" }>) =>
  queryOptions({
    queryKey: ["access", scope.app, scope],
    queryFn: async (): Promise<Holders> => {
      const leaf = scope.kind === "cluster" ? "namespaces/role-users" : "role-users";
      const found = await get<{ modifyRoleUsers?: OpenUserInfoDTO[]; releaseRoleUsers?: OpenUserInfoDTO[] }>(
        scopePath(scope, leaf),
      );
      return { edit: found?.modifyRoleUsers ?? [], publish: found?.releaseRoleUsers ?? [] };
    },
  });

/** Types of the roles on a namespace. */
export const ROLES = { edit: "ModifyNamespace", publish: "ReleaseNamespace" };

/** The name of the role in Apollo's tables, by which its scripts and its audit log call it. */
export function roleName(scope: Scope, right: Right | "admin"): string {
  if (right === "admin" || scope.kind === "app") return `Master+${scope.app}`;
  const type = ROLES[right];
  switch (scope.kind) {
    case "namespace":
      return [type, scope.app, scope.ns].join("+");
    case "env":
      return [type, scope.app, scope.ns, scope.env].join("+");
    case "cluster":
      return [`${type}sInCluster`, scope.app, scope.env, scope.cluster].join("+");
  }
}

/** A role to grant, or to revoke. */
export interface RoleChange {
  scope: Scope;
  right: Right | "admin";
  user: string;
  isGrant: boolean;
}

/** Maximum number of changes in one call. */
export const MOST_CHANGES = 200;

/** Sends the changes in one call; the results are in their order. */
export async function changeRoles(changes: RoleChange[]): Promise<AccessGrantResult[]> {
  const grants = changes.map(({ scope, right, user, isGrant }): AccessGrant => {
    const place =
      scope.kind === "app"
        ? {}
        : scope.kind === "cluster"
          ? { env: scope.env, clusterName: scope.cluster }
          : { namespaceName: scope.ns, ...(scope.kind === "env" && { env: scope.env }) };
    const roleType = right === "admin" ? "Master" : `${ROLES[right]}${scope.kind === "cluster" ? "sInCluster" : ""}`;
    return { appId: scope.app, ...place, roleType, userId: user, isRevocation: !isGrant };
  });
  return (await send<AccessGrantResult[]>("POST", "access-grants", grants)) ?? [];
}

/** Creates the roles of a scope that are missing; grants fail without them. */
export function ensureRoles(scope: Scope) {
  if (scope.kind === "cluster") return send("POST", scopePath(scope, "namespaces/permission-init"));
  if (scope.kind === "app") return Promise.resolve(null);
  return send("POST", path`apps/${scope.app}/namespaces/${scope.ns}/permission-init`);
}

export interface OwnRights {
  root: boolean;
  admin: boolean;
  edit: boolean;
  publish: boolean;
  /** Who can grant the missing ones. */
  admins: OpenUserInfoDTO[];
}

/** What a user may do with a namespace, from the roles of its app. */
export const ownRights = ({ app, env, cluster, ns }: Place, userId: string) =>
  queryOptions({
    queryKey: ["access", app, "own", env, cluster, ns, userId],
    queryFn: async ({ client }): Promise<OwnRights> => {
      const scopes = [
        { kind: "namespace", app, ns } as const,
        { kind: "env", app, ns, env } as const,
        { kind: "cluster", app, env, cluster } as const,
      ];
      const [root, admins, ...found] = await Promise.all([
        client.query(rootRight(userId)),
        client.query(masters(app)),
        ...scopes.map((scope) => client.query(holders(scope))),
      ]);
      const isOne = (users: OpenUserInfoDTO[]) => users.some((user) => user.userId === userId);
      return {
        root,
        admins,
        admin: root || isOne(admins),
        edit: root || found.some(({ edit }) => isOne(edit)),
        publish: root || found.some(({ publish }) => isOne(publish)),
      };
    },
  });
