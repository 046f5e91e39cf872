// What one entry of the history changed; a release can be compared with any other.
import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { comparison, type Place } from "../api/queries";
import { useRight } from "../api/rights";
import { DiffView, type KeyChange } from "../components/DiffView";
import { RollbackLink } from "../components/RollbackLink";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { releases, type Entry } from "../state/history";
import { releaseChange } from "../state/release";
import classes from "./History.module.css";

/** More keys would make too long an address; they are rolled back with the release. */
const MOST_UNDONE = 100;

interface Props {
  place: Place;
  entries: Entry[];
  entry: Entry;
  /** Id of the live release; 0 if there is none. */
  live: number;
  /** Row id of a release, as text. */
  against: string | undefined;
  onCompare: (against: number) => void;
}

export function HistoryDetail(props: Props) {
  const { place, entry } = props;
  const { t } = useTranslation();
  return (
    <div className="stack">
      <div>
        <h2>{t(`history.did.${entry.did}`)}</h2>
        <p className="note">
          <span className="mono">{entry.ns}</span> · <Since by={entry.by} time={entry.at} />
        </p>
        {entry.comment && <p>{entry.comment}</p>}
      </div>
      {entry.kind === "edit" ? <Changes place={place} list={entry.changes} /> : <Releases {...props} />}
    </div>
  );
}

function Releases({ place, entries, entry, live, against, onCompare }: Props) {
  const { t } = useTranslation();
  const before = Number(against ?? entry.previousId) || 0;
  const isWithdrawal = entry.did === "withdraw";
  const hasRelease = entry.releaseId > 0 || isWithdrawal;
  const changes = useQuery({ ...comparison(place.env, before, entry.releaseId), enabled: hasRelease });
  const mayEdit = useRight(place, "edit");
  const isUndoable = (keys: number) => before > 0 && live > 0 && live !== before && keys > 0 && keys <= MOST_UNDONE;
  const others = releases(entries, entry.ns).filter(({ releaseId }) => releaseId !== entry.releaseId);
  const options = others.map(({ releaseId, title }) => ({
    value: String(releaseId),
    label: `${title} (#${releaseId})`,
  }));
  if (!options.some(({ value }) => value === String(before))) {
    options.push({ value: String(before), label: before === 0 ? t("history.nothingBefore") : `#${before}` });
  }
  if (!hasRelease) return <Empty title={t("history.noRelease")} />;
  return (
    <>
      <div className={classes.sides}>
        <NativeSelect
          label={t("history.from")}
          value={String(before)}
          data={options}
          onChange={(event) => onCompare(Number(event.currentTarget.value))}
        />
        <div>
          <span className={classes.label}>{t("history.to")}</span>
          <b className="mono">{isWithdrawal ? t("history.nothingBefore") : `${entry.title} (#${entry.releaseId})`}</b>
        </div>
      </div>
      <Loaded query={changes}>
        {(list) => (
          <>
            <Changes place={place} list={list.map(releaseChange)} />
            {mayEdit && isUndoable(list.length) && (
              <div>
                <RollbackLink app={place.app} env={place.env} live={live} to={before} keys={list.map(({ key }) => key)}>
                  {t("history.undo", { count: list.length })}
                </RollbackLink>
              </div>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Changes({ place, list }: { place: Place; list: KeyChange[] }) {
  const { t } = useTranslation();
  const { app, ...search } = place;
  if (list.length === 0) return <Empty title={t("history.same")} />;
  return (
    <>
      <p className="note">{t("history.changed", { count: list.length })}</p>
      <DiffView changes={list} ns={place.ns} />
      <p className="note">
        {t("history.ofKey")}{" "}
        {list.slice(0, 20).map(({ key }) => (
          <Link
            key={key}
            to="/a/$app/history"
            params={{ app }}
            search={{ ...search, key }}
            className={`mono ${classes.link}`}
          >
            {key}
          </Link>
        ))}
      </p>
    </>
  );
}
