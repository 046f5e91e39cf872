// The access matrix of an app: who has which right in which column, directly or through a wider
// grant, and which of that is changed but not saved. Pure.
import type { OpenUserInfoDTO } from "../api/bodies";
import type { Holders, Right, Scope } from "../api/roles";

export type AnyRight = Right | "admin";

export interface AccessColumn {
  id: string;
  scope: Scope;
  holders: Record<AnyRight, OpenUserInfoDTO[]>;
}

export interface Change {
  user: string;
  column: AccessColumn;
  right: AnyRight;
  isGrant: boolean;
}

export const RIGHTS: Record<Scope["kind"], AnyRight[]> = {
  app: ["admin"],
  namespace: ["edit", "publish"],
  env: ["edit", "publish"],
  cluster: ["edit", "publish"],
};

export const cellKey = (user: string, column: string, right: AnyRight) => JSON.stringify([user, column, right]);

export const keyOf = ({ user, column, right }: Change) => cellKey(user, column.id, right);

export function withAdmin(found: Holders | undefined): AccessColumn["holders"] {
  return { admin: [], edit: found?.edit ?? [], publish: found?.publish ?? [] };
}

export function holds(column: AccessColumn, right: AnyRight, user: string): boolean {
  return column.holders[right].some(({ userId }) => userId === user);
}

/** The column whose grant includes this one: all environments, for one environment. */
export function widerGrant(columns: AccessColumn[], column: AccessColumn, right: AnyRight, user: string) {
  if (column.scope.kind !== "env") return undefined;
  return columns.find((other) => other.scope.kind === "namespace" && holds(other, right, user));
}

/** The clusters, among those that a column includes, for whose namespaces alone a user has a right. */
export function clusterGrants(clusters: AccessColumn[], { scope }: AccessColumn, right: AnyRight, user: string) {
  if (scope.kind !== "env" && scope.kind !== "namespace") return [];
  return clusters.filter(
    (one) =>
      one.scope.kind === "cluster" &&
      (scope.kind === "namespace" || one.scope.env === scope.env) &&
      holds(one, right, user),
  );
}

/** A grant from which a right follows, wholly or for a part of what was asked for; or that a user is a super administrator. */
export type Reason = { kind: "root" } | { kind: "grant"; scope: Scope; isPart: boolean };

/** All reasons for a right in a column, those for a part of it last. */
export function reasonsFor(
  columns: AccessColumn[],
  clusters: AccessColumn[],
  column: AccessColumn,
  right: AnyRight,
  user: string,
  isRoot: boolean,
): Reason[] {
  const grant = ({ scope }: AccessColumn, isPart: boolean): Reason => ({ kind: "grant", scope, isPart });
  const wider = widerGrant(columns, column, right, user);
  const inEnvs = column.scope.kind === "namespace" ? columns.filter(({ scope }) => scope.kind === "env") : [];
  return [
    ...(isRoot ? [{ kind: "root" } as const] : []),
    ...(holds(column, right, user) ? [grant(column, false)] : []),
    ...(wider ? [grant(wider, false)] : []),
    ...inEnvs.filter((one) => holds(one, right, user)).map((one) => grant(one, true)),
    ...clusterGrants(clusters, column, right, user).map((one) => grant(one, true)),
  ];
}

/** Everyone with a right in any column, and those added by hand, by name. */
export function peopleIn(columns: AccessColumn[], added: string[]): OpenUserInfoDTO[] {
  const people = new Map<string, OpenUserInfoDTO>(added.map((userId) => [userId, { userId }]));
  for (const { holders } of columns) {
    for (const user of Object.values(holders).flat()) people.set(user.userId, user);
  }
  return [...people.values()].sort((a, b) => a.userId.localeCompare(b.userId));
}

/** The edits that are left when others were saved: the changes that failed, and what was switched meanwhile. */
export function unsavedEdits(
  edits: ReadonlyMap<string, boolean>,
  sent: ReadonlyMap<string, boolean>,
  failed: Change[],
): Map<string, boolean> {
  const kept = new Set(failed.map(keyOf));
  return new Map([...edits].filter(([key, isGrant]) => kept.has(key) || sent.get(key) !== isGrant));
}

/** What differs from the stored rights; switching a cell twice is no change. */
export function changesOf(columns: AccessColumn[], edits: ReadonlyMap<string, boolean>): Change[] {
  return [...edits].flatMap(([key, isGrant]) => {
    const [user, id, right] = JSON.parse(key) as [string, string, AnyRight];
    const column = columns.find((other) => other.id === id);
    return column && holds(column, right, user) !== isGrant ? [{ user, column, right, isGrant }] : [];
  });
}
