// Who has unsaved edits of a namespace: announced by the page of that user every few seconds, and passed on
// by the server as events.
import { skipToken, useQuery, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { send } from "./client";
import { namespacePath, useBoot, type Place } from "./queries";

const ANNOUNCED_MS = 12_000;
/** How long an announcement holds: one may be lost. */
const HELD_MS = 30_000;

/** When the announcement of each user ends. */
type Editors = Record<string, number>;

const key = ({ app, env, cluster, ns }: Place) => ["editors", app, env, cluster, ns];

export function noteEditor(cache: QueryClient, at: Place, user: string): void {
  const end = Date.now() + HELD_MS;
  cache.setQueryData<Editors>(key(at), (old) => ({ ...old, [user]: end }));
  setTimeout(
    () =>
      cache.setQueryData<Editors>(key(at), (old = {}) =>
        old[user] === end ? Object.fromEntries(Object.entries(old).filter(([name]) => name !== user)) : old,
      ),
    HELD_MS,
  );
}

/** The other users who are editing a namespace. */
export function useEditors(at: Place): string[] {
  const { userId } = useBoot().user;
  const editors = useQuery<Editors>({ queryKey: key(at), queryFn: skipToken }).data ?? {};
  return Object.keys(editors).filter((user) => user !== userId);
}

/** Announces that the signed-in user is editing. */
export function useAnnounced(at: Place, isEditing: boolean): void {
  const address = `${namespacePath(at)}/presence`;
  useEffect(() => {
    if (!isEditing) return;
    // Nothing depends on it.
    const announce = () => void send("POST", address).catch(() => undefined);
    announce();
    const timer = setInterval(announce, ANNOUNCED_MS);
    return () => clearInterval(timer);
  }, [address, isEditing]);
}
