// The entries of a history, newest first: releases with their name, edits with their keys.
import {
  IconAlertTriangleFilled,
  IconArrowBackUp,
  IconGitBranch,
  IconPencil,
  IconRocket,
  type Icon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Place } from "../api/queries";
import { useRights } from "../api/rights";
import { RollbackLink } from "../components/RollbackLink";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { WithdrawRelease } from "../components/WithdrawRelease";
import { liveEntries, type Entry, type Kind, type LiveIds } from "../state/history";
import classes from "./History.module.css";

const ICONS: Record<Kind, Icon> = {
  publish: IconRocket,
  rollback: IconArrowBackUp,
  gray: IconGitBranch,
  edit: IconPencil,
};
const SHOWN_KEYS = 3;

/** The publish of another release than the live one, which can be rolled back to. */
function isRemaining({ kind, releaseId, isAbandoned }: Entry, liveId: number): boolean {
  return kind === "publish" && releaseId !== liveId && !isAbandoned;
}

interface Props {
  place: Omit<Place, "ns">;
  entries: Entry[];
  /** Including those that a filter hides. */
  all: Entry[];
  live: LiveIds;
  /** Id of the chosen entry. */
  open: string | undefined;
  withNamespace: boolean;
  onOpen: (entry: Entry) => void;
}

export function HistoryList({ place, entries, all, live, open, withNamespace, onOpen }: Props) {
  const { t } = useTranslation();
  const names = [...new Set(entries.map(({ ns }) => ns))];
  const rights = useRights(names.map((ns) => ({ ...place, ns })));
  const marked = liveEntries(all, live);
  return (
    <ol className={`sheet ${classes.list}`}>
      {entries.map((entry) => {
        const Sign = ICONS[entry.kind];
        const liveId = live.get(entry.ns) ?? 0;
        const isLive = marked.get(entry.ns) === entry;
        const mayRollBack = rights[names.indexOf(entry.ns)]?.publish ?? false;
        const isOnly = isLive && all.every((other) => other.ns !== entry.ns || !isRemaining(other, liveId));
        const isTarget = isRemaining(entry, liveId) && liveId > 0;
        return (
          <li key={entry.id} data-kind={entry.kind} data-open={entry.id === open}>
            <Sign size={16} stroke={1.8} className={classes.sign} aria-hidden />
            <div>
              <button type="button" aria-pressed={entry.id === open} onClick={() => onOpen(entry)}>
                <b>{t(`history.did.${entry.did}`)}</b>{" "}
                {entry.kind === "edit" ? (
                  <span className="note">{t("history.keys", { count: entry.changes.length })}</span>
                ) : (
                  <span className="mono">{entry.isAbandoned ? <s>{entry.title}</s> : entry.title}</span>
                )}
              </button>{" "}
              {isLive && <StateChip state="live" />}
              {entry.isAbandoned && <span className="badge">{t("history.abandoned")}</span>}
              {entry.isEmergency && (
                <span className="chip" data-state="unpublished">
                  <IconAlertTriangleFilled size={13} aria-hidden />
                  {t("history.emergency")}
                </span>
              )}
              {entry.comment && <p>{entry.comment}</p>}
              {entry.changes.length > 0 && (
                <p className={`mono ${classes.keys}`}>
                  {entry.changes
                    .slice(0, SHOWN_KEYS)
                    .map(({ key }) => key)
                    .join(", ")}
                  {entry.changes.length > SHOWN_KEYS && ", …"}
                </p>
              )}
              <p className="note">
                {withNamespace && (
                  <>
                    <span className="mono">{entry.ns}</span> ·{" "}
                  </>
                )}
                <Since by={entry.by} time={entry.at} />
              </p>
            </div>
            {isTarget && mayRollBack && (
              <RollbackLink app={place.app} env={place.env} live={liveId} to={entry.releaseId} isCompact>
                {t("release.rollBack")}
              </RollbackLink>
            )}
            {isOnly && (
              <WithdrawRelease
                place={{ ...place, ns: entry.ns }}
                release={{ id: liveId, name: entry.title }}
                size="compact-sm"
              />
            )}
          </li>
        );
      })}
    </ol>
  );
}
