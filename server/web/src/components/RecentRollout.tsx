// The instances that have the live release of a namespace, for some minutes after its publish.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { OpenReleaseDTO } from "../api/bodies";
import type { Place } from "../api/queries";
import { PATIENCE_MS, rollout } from "../api/rollout";
import { parseTime } from "../text/format";
import { RolloutBar } from "./RolloutBar";

export function RecentRollout({ place, release }: { place: Place; release: OpenReleaseDTO }) {
  const [now] = useState(() => Date.now());
  const published = parseTime(release.dataChangeCreatedTime)?.getTime() ?? 0;
  const isRecent = now - published < PATIENCE_MS;
  const total = useQuery({ ...rollout(place, release.id, published), enabled: isRecent }).data?.total ?? 0;
  return isRecent && total > 0 ? <RolloutBar place={place} releaseId={release.id} since={published} /> : null;
}
