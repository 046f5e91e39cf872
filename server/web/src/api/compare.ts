// Reads and writes of the comparison: all namespaces of several clusters, and promotions between
// them. A promotion changes drafts only.
import { queryOptions, useMutation, useQueries, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";

import type { Target } from "../components/TargetTree";
import { contentOf, edits, rebase, storedItems, type ItemChange, type ItemContent } from "../state/changes";
import type { Column, Promotion } from "../state/compare";
import type { OpenNamespaceDTO } from "./bodies";
import { ApiError, errorKind } from "./errors";
import { get, path, send } from "./client";
import { draft, namespaceList, type Place } from "./queries";
import { changeItems, saveText } from "./writes";

export interface ReadColumn extends Column {
  isPending: boolean;
  error: unknown;
  isOffline: boolean;
}

/** Two calls for each cluster. The result is the same array until something changes. */
export function useColumns(app: string, targets: Target[]): ReadColumn[] {
  const results = useQueries({
    queries: targets.map(({ env, cluster }) => namespaceList(app, env, cluster)),
    combine: essence,
  });
  const missing = useQueries({
    queries: targets.map(({ env, cluster }) => missingNamespaces(app, env, cluster)),
    combine: lists,
  });
  const key = JSON.stringify(targets);
  return useMemo(() => {
    const known = JSON.parse(key) as Target[];
    return known.flatMap((target, index) =>
      results[index] ? [{ ...target, ...results[index], missing: missing[index] ?? [] }] : [],
    );
  }, [key, results, missing]);
}

function essence(queries: UseQueryResult<OpenNamespaceDTO[]>[]): Omit<ReadColumn, keyof Target | "missing">[] {
  return queries.map(({ data, error, isPending }) => ({
    namespaces: data ?? null,
    isPending,
    error,
    isOffline: error !== null && errorKind(error) === "offline",
  }));
}

function lists(queries: UseQueryResult<string[]>[]): string[][] {
  return queries.map(({ data }) => data ?? []);
}

const missingNamespaces = (app: string, env: string, cluster: string) =>
  queryOptions({
    queryKey: ["list", app, env, cluster, "missing"],
    queryFn: async () =>
      (await get<string[]>(path`apps/${app}/envs/${env}/clusters/${cluster}/missing-namespaces`)) ?? [],
  });

/**
 * Promotes, then reads the target again, even after a failure. Is refused if the target is no longer as its preview
 * or, without one, as the comparison shows it.
 */
export function usePromote(app: string) {
  const cache = useQueryClient();
  return async (to: Promotion) => {
    const target: Place = { app, env: to.env, cluster: to.cluster, ns: to.ns };
    try {
      const stored = await cache.query({ ...draft(target), staleTime: 0 });
      const changes = promoted(to, storedItems(stored?.items));
      const isSeen = ({ key, was }: ItemChange) => to.seen.get(key) === (was?.value ?? null);
      if (to.revision === undefined && !changes.every(isSeen)) throw new ApiError(409, "", "stale_revision");
      const revision = to.revision ?? stored?.revision;
      const [first] = changes;
      if (!first) return;
      if (to.format !== "properties") await saveText(target, to.format, first.now?.value ?? "", revision);
      else await changeItems(target, edits(changes), revision);
    } finally {
      void cache.invalidateQueries({ queryKey: ["draft", app, to.env, to.cluster, to.ns] });
      await cache.invalidateQueries({ queryKey: ["list", app, to.env, to.cluster] });
    }
  };
}

/** What is left to change in the draft of a target; nothing if it is repeated after a success. */
function promoted({ puts, deletes }: Promotion, stored: Map<string, ItemContent>): ItemChange[] {
  const put = puts.map((item): ItemChange => ({ key: item.key, was: null, now: contentOf(item) }));
  const deleted = deletes.map((key): ItemChange => ({ key, was: null, now: null }));
  return rebase([...put, ...deleted], stored);
}

/** Adds all namespaces of the app that a cluster lacks. */
export function useAddMissing(app: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ env, cluster }: Target) =>
      send("POST", path`apps/${app}/envs/${env}/clusters/${cluster}/missing-namespaces`),
    onSettled: (_, __, { env, cluster }) => cache.invalidateQueries({ queryKey: ["list", app, env, cluster] }),
  });
}
