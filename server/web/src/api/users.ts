// Accounts of the portal: searches for them, and changes them.
import { queryOptions } from "@tanstack/react-query";

import type { OpenUserInfoDTO } from "./bodies";
import { get, path, send } from "./client";
import type { OpenPermissionConditionDTO, OpenUserDTO } from "./schema";

const USERS = ["users"];

/** Users whose name contains a text; the server limits their number. */
export const usersLike = (keyword: string, includeInactive = false) =>
  queryOptions({
    queryKey: [...USERS, keyword, includeInactive],
    queryFn: async ({ signal }) => {
      const query = path`keyword=${keyword}&includeInactiveUsers=${String(includeInactive)}`;
      return (await get<OpenUserInfoDTO[]>(`users?${query}`, signal)) ?? [];
    },
  });

/** Whether a user is a super administrator. */
export const rootRight = (userId: string) =>
  queryOptions({
    queryKey: ["root", userId],
    staleTime: Infinity,
    queryFn: async () => {
      const answer = await get<OpenPermissionConditionDTO>(path`permissions/root?userId=${userId}`);
      return answer?.hasPermission === true;
    },
  });

/** Creates one, or changes the one that was seen; is refused if that has changed since, as its deletion is. */
export function saveUser(seen: OpenUserInfoDTO | null, user: OpenUserDTO) {
  return send("POST", path`users?isCreate=${String(seen === null)}`, user, seen?.revision);
}

export function enableUser(username: string, isEnabled: boolean) {
  return send("PUT", "users/enabled", { username, enabled: isEnabled ? 1 : 0 });
}

export function deleteUser({ userId, revision }: OpenUserInfoDTO) {
  return send("DELETE", path`users/${userId}`, undefined, revision);
}

export const STALE_USERS = [USERS];
