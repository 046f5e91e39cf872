// What a page opened from a link needs and its address names is read together with what every page
// needs, instead of after it.
import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { eurekaRegistry, systemInfo } from "../api/admin";
import { branch } from "../api/gray";
import { appDetail, boot, draft, envClusters, liveRelease, lock, namespaceNames } from "../api/queries";
import { recents } from "../api/recent";
import { waitingRequests } from "../api/requests";
import { viewCode } from "../pages/namespaceViews";

/** As the user typed it where it is not encoded correctly; the page then reports what is wrong. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export function readEarly(cache: QueryClient, pathname: string, search: { view?: unknown }): void {
  const [start, app, c, env, cluster, ns, page] = pathname.split("/").slice(1).map(decoded);
  const read = (...queries: { queryKey: QueryKey }[]) => {
    // A failure is reported by the page, which reads them again.
    for (const query of queries) cache.query({ ...query, meta: { isEarly: true } }).catch(() => undefined);
  };
  // In an open tab only the page itself reads more: links are followed early when the pointer is over them.
  const isFirst = cache.getQueryData(boot.queryKey) === undefined;
  if (isFirst) read(recents);
  // Shown above the apps, which must not move.
  if (isFirst && !start) read(waitingRequests);
  if (start === "admin" && app === "health" && isFirst) read(systemInfo, eurekaRegistry);
  if (start !== "a" || !app) return;
  read(appDetail(app), envClusters(app));
  if (!isFirst || c !== "c" || !env || !cluster) return;
  if (page === undefined) read(namespaceNames(app, env, cluster));
  if (!ns) return;
  const at = { app, env, cluster, ns };
  read(draft(at));
  const { view } = search;
  if (page === "gray" || view === "live" || view === "instances") read(branch(at));
  if (page !== undefined) return;
  read(lock(at), liveRelease(at));
  if (view === "live" || view === "instances" || view === "text") void viewCode[view]();
}
