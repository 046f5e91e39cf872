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
    queryFn: async () =>
      (await get<OpenUserInfoDTO[]>(path`users?keyword=${keyword}&includeInactiveUsers=${String(includeInactive)}`)) ??
      [],
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

export function saveUser(user: OpenUserDTO, isNew: boolean) {
  return send("POST", path`users?isCreate=${String(isNew)}`, user);
}

export function enableUser(username: string, isEnabled: boolean) {
  return send("PUT", "users/enabled", { username, enabled: isEnabled ? 1 : 0 });
}

export function deleteUser(username: string) {
  return send("DELETE", path`users/${username}`);
}

export const STALE_USERS = [USERS];
