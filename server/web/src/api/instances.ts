// The instances that read a namespace, each with the release that it last received. Composed of the
// lists by release: only they contain the release and the time of its delivery.
import { queryOptions, useQuery } from "@tanstack/react-query";

import type { OpenInstanceDTO, OpenReleaseDTO } from "./bodies";
import { get, path, send } from "./client";
import { branch, inBranch } from "./gray";
import { latestRelease, namespacePath, type Place } from "./queries";
import type { OpenInstancePageDTO } from "./schema";

/** Maximum of the server. */
const PAGE = 2000;

/** The release that an instance has: the live one, the live gray one, or an earlier one. */
export type Receipt = "live" | "gray" | "late";

export interface InstanceRow {
  id: number;
  ip: string;
  dataCenter: string;
  app: string;
  cluster: string;
  receipt: Receipt;
  /** The cluster that it reads, or the branch. */
  readFrom: string;
  release: string;
  /** When it first received this release. */
  deliveredAt: string | undefined;
  seenAt: string | undefined;
}

export interface InstanceList {
  rows: InstanceRow[];
  counts: Record<Receipt, number>;
}

/** `live` is the release of the main line. */
const instanceList = (at: Place, live: Pick<OpenReleaseDTO, "id"> & { name?: string | undefined }) =>
  queryOptions({
    queryKey: ["instances", at.app, at.env, at.cluster, at.ns, live.id],
    queryFn: async ({ client }): Promise<InstanceList> => {
      const [gray, main, late] = await Promise.all([
        client.query(branch(at)).then((open) => open && ofBranch(inBranch(at, open.clusterName))),
        having(at.env, live),
        withoutRelease(at, live),
      ]);
      return {
        rows: [
          ...late.map((one) => row(one, "late", at.cluster)),
          ...(gray?.late ?? []).map((one) => row(one, "late", gray?.branch ?? "")),
          ...(gray?.list ?? []).map((one) => row(one, "gray", gray?.branch ?? "", gray?.name)),
          ...main.map((one) => row(one, "live", at.cluster, live.name)),
        ],
        counts: { live: main.length, gray: gray?.list.length ?? 0, late: late.length + (gray?.late.length ?? 0) },
      };
    },
  });

/** The instances of a gray release, and those that still have an earlier one of it. */
async function ofBranch(at: Place) {
  const release = await latestRelease(at);
  if (!release) return null;
  const [list, late] = await Promise.all([having(at.env, release), withoutRelease(at, release)]);
  return { list, late, name: release.name, branch: at.cluster };
}

/** All instances that have a release: the total is known after the first page. */
async function having(env: string, { id }: Pick<OpenReleaseDTO, "id">): Promise<OpenInstanceDTO[]> {
  const read = (page: number) =>
    get<OpenInstancePageDTO>(path`envs/${env}/instances/by-release?releaseId=${id}&page=${page}&size=${PAGE}`);
  const first = await read(0);
  const others = Math.ceil((first?.total ?? 0) / PAGE) - 1;
  const pages = await Promise.all(Array.from({ length: Math.max(0, others) }, (_, index) => read(index + 1)));
  return [first, ...pages].flatMap((page) => page?.instances ?? []);
}

async function withoutRelease(at: Place, { id }: Pick<OpenReleaseDTO, "id">): Promise<OpenInstanceDTO[]> {
  const query = path`appId=${at.app}&clusterName=${at.cluster}&namespaceName=${at.ns}&releaseIds=${id}`;
  return (
    (await get<OpenInstanceDTO[]>(path`envs/${at.env}/instances/by-namespace-and-releases-not-in` + `?${query}`)) ?? []
  );
}

function row(instance: OpenInstanceDTO, receipt: Receipt, readFrom: string, release?: string): InstanceRow {
  const [config] = instance.configs ?? [];
  return {
    id: instance.id ?? 0,
    ip: instance.ip ?? "",
    dataCenter: instance.dataCenter ?? "",
    app: instance.appId ?? "",
    cluster: instance.clusterName ?? "",
    receipt,
    readFrom,
    release: release ?? config?.release?.name ?? "",
    deliveredAt: config?.releaseDeliveryTime,
    seenAt: config?.dataChangeLastModifiedTime,
  };
}

/** Removes the record that an instance reads the namespace, until it reads it again. */
export function forgetInstance(at: Place, { id, readFrom }: Pick<InstanceRow, "id" | "readFrom">) {
  return send("DELETE", `${namespacePath({ ...at, cluster: readFrom })}/instances/${id}`);
}

/** As `useServed`; without `live` it reads nothing. */
export function useInstances(place: Place, live: OpenReleaseDTO | null | undefined) {
  return useQuery({ ...instanceList(place, live ?? { id: 0 }), enabled: Boolean(live) });
}
