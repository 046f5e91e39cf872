// A state as colour, icon and text together: never by colour alone.
import {
  IconBroadcast,
  IconClock,
  IconCloudUp,
  IconGitBranch,
  IconPencil,
  IconPlugConnectedX,
  IconPlus,
  IconTrash,
  type Icon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { RowState } from "../state/draft";

type State = RowState | "unpublished" | "offline" | "gray" | "late";

const ICONS: Record<State, Icon> = {
  added: IconPlus,
  modified: IconPencil,
  deleted: IconTrash,
  live: IconBroadcast,
  unpublished: IconCloudUp,
  offline: IconPlugConnectedX,
  gray: IconGitBranch,
  late: IconClock,
};

/** With a count the number replaces the text, which is then visible to screen readers only. */
export function StateChip({ state, count }: { state: State; count?: number }) {
  const { t } = useTranslation();
  const Sign = ICONS[state];
  const word = t(`chip.${state}`);
  return (
    <span className="chip" data-state={state} title={count === undefined ? undefined : word}>
      <Sign size={13} stroke={1.8} aria-hidden />
      {count ?? word}
      {count !== undefined && <span className="unseen">{word}</span>}
    </span>
  );
}
