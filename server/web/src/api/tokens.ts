// Access tokens of users: own ones, and for super administrators those of everyone.
import { queryOptions } from "@tanstack/react-query";

import { get, path, send } from "./client";
import type { OpenCreateUserTokenRequest, OpenUserTokenCapability, OpenUserTokenSummary } from "./schema";

export const STALE_TOKENS = [["tokens"]];

export const ownTokens = queryOptions({
  queryKey: ["tokens", "own"],
  queryFn: async () => (await get<OpenUserTokenSummary[]>("user-tokens")) ?? [],
});

export const allTokens = queryOptions({
  queryKey: ["tokens", "all"],
  queryFn: async () => (await get<OpenUserTokenSummary[]>("user-tokens/admin?status=all")) ?? [],
});

/** What the user may put into a token. */
export const tokenCapability = queryOptions({
  queryKey: ["tokens", "capability"],
  queryFn: () => get<OpenUserTokenCapability>("user-tokens/capabilities"),
});

export function createToken(token: OpenCreateUserTokenRequest) {
  return send<OpenUserTokenSummary>("POST", "user-tokens", token);
}

/** Revokes the token, and returns a new one with the same scope and end. */
export function rotateToken(id: number) {
  return send<OpenUserTokenSummary>("POST", path`user-tokens/${id}/rotate`);
}

const tokenPath = (id: number, isOwn: boolean) => (isOwn ? path`user-tokens/${id}` : path`user-tokens/admin/${id}`);

export function revokeToken(id: number, isOwn: boolean) {
  return send("POST", `${tokenPath(id, isOwn)}/revoke`);
}

export function deleteToken(id: number, isOwn: boolean) {
  return send("DELETE", tokenPath(id, isOwn));
}
