// How often consumers and access tokens were used on each of the last days.
import { queryOptions } from "@tanstack/react-query";

import { get, path } from "./client";
import type { CallsOfDay } from "./schema";

export const consumerCalls = (appId: string) =>
  queryOptions({
    queryKey: ["calls", "consumer", appId],
    queryFn: async () => (await get<CallsOfDay[]>(path`consumers/by-appId/calls?appId=${appId}`)) ?? [],
  });

export const tokenCalls = (id: number, isOwn: boolean) =>
  queryOptions({
    queryKey: ["calls", "token", String(id)],
    queryFn: async () =>
      (await get<CallsOfDay[]>(isOwn ? path`user-tokens/${id}/calls` : path`user-tokens/admin/${id}/calls`)) ?? [],
  });
