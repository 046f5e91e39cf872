// A dialog with the calls of a consumer, or with an access token.
import { useQuery, type UseQueryOptions } from "@tanstack/react-query";

import type { CallsOfDay } from "../api/schema";
import { CallChart } from "./CallChart";
import { Dialog } from "./Dialog";
import { Loaded } from "./States";

interface Props {
  title: string;
  query: UseQueryOptions<CallsOfDay[], Error, CallsOfDay[], string[]>;
  onClose: () => void;
}

export function Calls({ title, query, onClose }: Props) {
  const days = useQuery(query);
  return (
    <Dialog size="lg" title={title} onClose={onClose}>
      <Loaded query={days}>{(found) => <CallChart days={found} />}</Loaded>
    </Dialog>
  );
}
