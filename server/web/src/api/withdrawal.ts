// What the clients of a namespace in a cluster receive once its release there is withdrawn.
import { queryOptions } from "@tanstack/react-query";

import type { OpenReleaseDTO } from "./bodies";
import { branch } from "./gray";
import { draft, latestRelease, type Place } from "./queries";
import { parentOf } from "../state/inherited";

const DEFAULT = "default";

export interface Afterwards {
  /** The release of the default cluster. */
  inherited: OpenReleaseDTO | null;
  /** The app whose public namespace this one overrides. */
  publicApp: string | undefined;
  /** A gray release has to be ended first. */
  hasGray: boolean;
}

export const afterWithdrawal = (at: Place) =>
  queryOptions({
    queryKey: ["history", at.app, at.env, at.cluster, at.ns, "withdrawal"],
    queryFn: async ({ client }): Promise<Afterwards> => {
      const [inherited, gray, stored] = await Promise.all([
        at.cluster === DEFAULT ? null : latestRelease({ ...at, cluster: DEFAULT }),
        client.query(branch(at)),
        client.query(draft(at)),
      ]);
      return { inherited, publicApp: (stored && parentOf(stored, at.app)) ?? undefined, hasGray: gray !== null };
    },
  });
