// The server's events of an app, applied to the cache: what others edit and publish, who is editing, which
// instances have received it, and what became of requests for access.
import {
  skipToken,
  useQuery,
  useQueryClient,
  type InvalidateQueryFilters,
  type QueryClient,
} from "@tanstack/react-query";
import { useEffect } from "react";

import { path, prefix } from "./client";
import { noteEditor } from "./editors";
import { grayOf } from "./gray";
import { staleRequests } from "./requests";

interface Event {
  appId: string;
  env: string;
  clusterName: string;
  namespaceName: string;
  operator: string;
  releaseId?: number;
}

/** How far a long request is. */
export interface Job {
  done: number;
  total: number;
  failed: number;
}

/** Data in the cache that is older is read again by the page that shows it. */
export const STALE_MS = 30_000;
/** How far the times of a change and of its event, and the clocks of two nodes, may differ. */
const LATE_MS = 2_000;
/** Before another stream begins in place of one that was refused; longer after each refusal. */
const AGAIN_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

/** The progress of a request that was sent with this name, once the server reports it. */
export function useJob(id: string): Job | undefined {
  return useQuery<Job>({ queryKey: ["job", id], queryFn: skipToken }).data;
}

/** What an edit or a publish may change. */
export function staleAfter(type: string, { env, appId, clusterName, namespaceName }: Event): InvalidateQueryFilters[] {
  const at = [appId, env, clusterName, namespaceName];
  const keys = [
    ["draft", ...at],
    ["lock", ...at],
    ["list", appId, env, clusterName],
    ["app", appId, "unpublished"],
    // What a publish may change as well: rules of gray releases are stored with one.
    ...(type === "publish"
      ? [
          ["history", ...at],
          ["gray", appId, env, "audiences"],
        ]
      : []),
  ];
  return [...keys.map((queryKey) => ({ queryKey })), grayOf(appId, env, namespaceName)];
}

/** Keeps what is shown of an app up to date. */
export function useEvents(app: string): void {
  const cache = useQueryClient();
  useEffect(() => listen(cache, app), [app, cache]);
}

/**
 * The browser reconnects by itself after a failure of the network, and resumes. An answer other than 200, as of a proxy
 * whose portal restarts or after the end of a session, ends a stream for good, so that another one begins. Returns how
 * to stop.
 */
export function listen(cache: QueryClient, app: string): () => void {
  // The page shows what it has read before the stream is open.
  const begun = performance.now();
  const age = Math.ceil(Math.min(begun, STALE_MS) + LATE_MS);
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pause = AGAIN_MS;
  const open = () => {
    source = new EventSource(`${prefix}/openapi/v1/events${path`?app=${app}&age=${age}`}`);
    handle(source, cache);
    const reset = () => void cache.invalidateQueries();
    // Events are missing: everything may be out of date.
    source.addEventListener("reset", reset);
    source.addEventListener("start", () => performance.now() - begun > LATE_MS && reset());
    source.addEventListener("open", () => (pause = AGAIN_MS));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      timer = setTimeout(open, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    });
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

function handle(source: EventSource, cache: QueryClient): void {
  const invalidate = (...queryKey: unknown[]) => void cache.invalidateQueries({ queryKey });
  const parse = (event: MessageEvent) => JSON.parse(String(event.data)) as Event;
  const changed = (event: MessageEvent) => {
    for (const stale of staleAfter(event.type, parse(event))) void cache.invalidateQueries(stale);
  };
  source.addEventListener("edit", changed);
  source.addEventListener("publish", changed);
  source.addEventListener("presence", (event) => {
    const { env, appId, clusterName, namespaceName, operator } = parse(event);
    noteEditor(cache, { app: appId, env, cluster: clusterName, ns: namespaceName }, operator);
  });
  source.addEventListener("request", (event) => {
    const { appId } = parse(event);
    for (const key of staleRequests(appId)) invalidate(...key);
    // A granted right may reveal what was hidden.
    invalidate("draft", appId);
    invalidate("list", appId);
  });
  source.addEventListener("instances", (event) => {
    const { env, appId, clusterName, namespaceName, releaseId } = parse(event);
    invalidate("rollout", env, releaseId);
    invalidate("instances", appId, env, clusterName, namespaceName);
  });
  source.addEventListener("job", (event: MessageEvent) => {
    const job = JSON.parse(String(event.data)) as Job & { id: string };
    cache.setQueryData<Job>(["job", job.id], job);
  });
}
