// Requests for access: who asks for which right on a namespace, and what administrators decided.
import { queryOptions, type QueryKey } from "@tanstack/react-query";

import type { AccessRequest } from "./bodies";
import { get, path, send } from "./client";
import { ROLES, type Right } from "./roles";
import type { AccessDecision, NewAccessRequest } from "./schema";

/** Longest note, and longest reason of a refusal. */
export const REQUEST_LENGTH = 500;

/** A namespace in one environment, or in all of them if that is empty. */
export interface Asked {
  app: string;
  env: string;
  ns: string;
}

/** Open ones first: all of the app for its administrators, otherwise the user's own. */
export const requestsOf = (app: string) =>
  queryOptions({
    queryKey: ["access", app, "requests"],
    queryFn: async () => (await get<AccessRequest[]>(path`access-requests?appId=${app}`)) ?? [],
  });

/** Open ones that the user may decide, of all apps. */
export const waitingRequests = queryOptions({
  queryKey: ["home", "requests"],
  queryFn: async () => (await get<AccessRequest[]>("access-requests/waiting")) ?? [],
});

/** What a request, or the decision about it, makes out of date. */
export const staleRequests = (app: string): QueryKey[] => [["access", app], waitingRequests.queryKey];

export function requestAccess({ app, env, ns }: Asked, right: Right, note: string) {
  const body: NewAccessRequest = { appId: app, env, namespaceName: ns, roleType: ROLES[right], note };
  return send<AccessRequest>("POST", "access-requests", body);
}

export function withdrawRequest({ id }: AccessRequest) {
  return send("DELETE", path`access-requests/${id}`);
}

export function decideRequest({ id }: AccessRequest, decision: AccessDecision) {
  return send<AccessRequest>("PUT", path`access-requests/${id}/decision`, decision);
}

/** The right that a request is about; both words are those of the matrix. */
export function requestedRight({ roleType }: AccessRequest): Right {
  return roleType.startsWith("Release") ? "publish" : "edit";
}

/** The user's newest request for a right on a namespace, whether it is open or decided. */
export function ownRequest(list: AccessRequest[], userId: string, { env, ns }: Asked, right: Right) {
  return list.find(
    (request) =>
      request.userId === userId &&
      request.namespaceName === ns &&
      (request.env ?? "") === env &&
      requestedRight(request) === right,
  );
}
