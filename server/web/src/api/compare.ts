// Reads and writes of the comparison: all namespaces of several clusters, and promotions between
// them. A promotion changes drafts only.
import { queryOptions, useMutation, useQueries, useQueryClient, type UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";

import type { Target } from "../components/TargetTree";
import { contentOf, edits, rebase, storedItems, type ItemChange, type ItemContent } from "../state/changes";
import type { Column, Promotion } from "../state/compare";
import type { OpenNamespaceDTO } from "./bodies";
import { ApiError, errorKind, isTooLong } from "./errors";
import { addMissingNamespaces, missingNamespaces } from "./presence";
import { draft, namespaceList, namespaceNames, type Place } from "./queries";
import { changeItems, saveText } from "./writes";

export interface ReadColumn extends Column {
  isPending: boolean;
  error: unknown;
  isOffline: boolean;
  /** Of all its namespaces, also of those that are not read. */
  names: string[];
}

type Found = Pick<ReadColumn, "namespaces" | "names" | "isPending" | "error" | "isOffline">;

/**
 * Two calls for each cluster. The result is the same array until something changes. Of a cluster whose values are too
 * long for one answer, only the namespace `ns` is read.
 */
export function useColumns(app: string, targets: Target[], ns: string | undefined): ReadColumn[] {
  const whole = useQueries({
    queries: targets.map(({ env, cluster }) => namespaceList(app, env, cluster)),
    combine: wholes,
  });
  const long = targets.map((_, index) => isTooLong(whole[index]?.error));
  const parts = useQueries({
    queries: targets.map((target, index) => ({ ...partOf(app, target, ns), enabled: long[index] === true })),
    combine: partial,
  });
  const missing = useQueries({
    queries: targets.map(({ env, cluster }) => missingNamespaces(app, env, cluster)),
    combine: lists,
  });
  const key = JSON.stringify(targets);
  return useMemo(() => {
    const known = JSON.parse(key) as Target[];
    return known.flatMap((target, index) => {
      const [found, part] = [whole[index], parts[index]];
      if (!found) return [];
      const column = { ...target, ...found, missing: missing[index] ?? [] };
      if (!part || !isTooLong(found.error)) return [column];
      // Without a chosen namespace, the reason stays that of the list.
      return [{ ...column, ...part, error: part.error ?? (part.namespaces ? null : found.error) }];
    });
  }, [key, whole, parts, missing]);
}

/** The names of the namespaces of a cluster, and one of them with its items. */
const partOf = (app: string, { env, cluster }: Target, ns = "") =>
  queryOptions({
    queryKey: ["list", app, env, cluster, "part", ns],
    queryFn: async ({ client }): Promise<Pick<Found, "namespaces" | "names">> => {
      const names = namesOf(await client.query(namespaceNames(app, env, cluster)));
      if (ns === "") return { namespaces: null, names };
      const found = names.includes(ns) ? await client.query(draft({ app, env, cluster, ns })) : null;
      return { namespaces: found ? [found] : [], names };
    },
  });

const namesOf = (list: OpenNamespaceDTO[]) => list.map(({ namespaceName }) => namespaceName);

function wholes(queries: UseQueryResult<OpenNamespaceDTO[]>[]): Found[] {
  return queries.map(({ data, error, isPending }) => ({
    namespaces: data ?? null,
    names: namesOf(data ?? []),
    isPending,
    error,
    isOffline: isOffline(error),
  }));
}

function partial(queries: UseQueryResult<Pick<Found, "namespaces" | "names">>[]): Found[] {
  return queries.map(({ data = { namespaces: null, names: [] }, error, isPending }) => ({
    ...data,
    isPending,
    error,
    isOffline: isOffline(error),
  }));
}

const isOffline = (error: unknown) => error !== null && errorKind(error) === "offline";

function lists(queries: UseQueryResult<string[]>[]): string[][] {
  return queries.map(({ data }) => data ?? []);
}

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
    mutationFn: (target: Target) => addMissingNamespaces({ app, ...target }),
    onSettled: (_, __, { env, cluster }) => cache.invalidateQueries({ queryKey: ["list", app, env, cluster] }),
  });
}
