// The apps that the user opened last, in any browser.
import { queryOptions, type QueryClient } from "@tanstack/react-query";

import type { OpenAppDTO } from "./bodies";
import { get, path, send } from "./client";

/** The app opened last is the first. */
export const recents = queryOptions({
  queryKey: ["home", "recent"],
  queryFn: async () => (await get<OpenAppDTO[]>("recents")) ?? [],
});

/** Makes an app the first of them. Nothing waits for it, and without it only the list is out of date. */
export async function noteOpened(cache: QueryClient, app: OpenAppDTO): Promise<void> {
  try {
    const [first] = await cache.query({ ...recents, staleTime: "static" });
    if (first?.appId === app.appId) return;
    await send("PUT", path`recents/${app.appId}`);
  } catch {
    return;
  }
  const others = (list: OpenAppDTO[]) => list.filter(({ appId }) => appId !== app.appId);
  cache.setQueryData(recents.queryKey, (list) => list && [app, ...others(list)]);
}
