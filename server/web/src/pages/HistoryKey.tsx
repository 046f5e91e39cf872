// The values that one key had: who stored or published each, and when. An earlier one can be
// stored again.
import { Button } from "@mantine/core";
import { IconArrowBackUp, IconPencil, IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import { draft, type Place } from "../api/queries";
import { useRight } from "../api/rights";
import { OrConflict } from "../components/ConflictView";
import { Since } from "../components/Since";
import { Empty, Failure } from "../components/States";
import { StateChip } from "../components/StateChip";
import { publishTarget } from "../routes/address";
import { storedItems } from "../state/changes";
import { keyValues, liveValue, storedValue, type Entry, type KeyValue, type LiveIds } from "../state/history";
import classes from "./History.module.css";

interface Props {
  places: Place[];
  entries: Entry[];
  live: LiveIds;
  name: string;
  /** Whether the filters select an entry. */
  isShown: (entry: Entry) => boolean;
}

/** In each namespace that has or had the key. */
export function HistoryKeys({ places, entries, live, name, isShown }: Props) {
  const { t } = useTranslation();
  const found = places
    .map((place) => ({
      place,
      values: keyValues(
        entries.filter(({ ns }) => ns === place.ns),
        name,
      ),
    }))
    .filter(({ values }) => values.length > 0);
  const shown = found.filter(({ values }) => values.some(({ entry }) => isShown(entry)));
  if (shown.length === 0) return <Empty title={t(found.length > 0 ? "state.noMatch" : "history.noKey")} />;
  return shown.map(({ place, values }) => (
    <HistoryKey
      key={`${place.ns} ${name}`}
      {...{ place, values, name, isShown }}
      live={liveValue(values, entries, live)}
      isNamed={places.length > 1}
    />
  ));
}

interface KeyProps {
  place: Place;
  values: KeyValue[];
  /** The one that clients receive. */
  live: KeyValue | undefined;
  name: string;
  isShown: (entry: Entry) => boolean;
  /** Whether the namespace is named, because there are several. */
  isNamed: boolean;
}

function HistoryKey({ place, values, live, name, isShown, isNamed }: KeyProps) {
  const { t } = useTranslation();
  const id = useId();
  const namespace = useQuery(draft(place)).data;
  const stored = storedItems(namespace?.items).get(name);
  const mayEdit = useRight(place, "edit");
  const [wanted, setWanted] = useState<string | null>(null);
  // Nothing is written if the user keeps the value of somebody else, or if it is stored already.
  const [outcome, setOutcome] = useState<"made" | "unchanged" | null>(null);
  const changes = useChanges(place, (made) => setOutcome(made.length > 0 ? "made" : "unchanged"), namespace?.format);
  const { app, env, cluster, ns } = place;
  const shown = values.filter(({ entry }) => isShown(entry));
  const restore = (value: string) => {
    const content = (text: string) => ({ type: 0, comment: "", ...stored, value: text });
    const seen = storedValue(shown);
    setWanted(value);
    setOutcome(null);
    // Without the revision of the draft, which is read again after edits that the list does not contain yet.
    changes.run([{ key: name, was: seen === null ? null : content(seen), now: content(value) }]);
  };
  return (
    <section className="stack" aria-labelledby={id}>
      <h2 id={id} className={classes.heading}>
        {t("history.keyTitle")} <span className="mono">{name}</span> {isNamed && <span className="badge">{ns}</span>}
      </h2>
      <p role="status" className={outcome ? "note" : "unseen"}>
        {outcome === "unchanged" && t("item.unchanged")}
        {outcome === "made" && (
          <>
            {t("history.restored")}{" "}
            <Link to="/a/$app/publish" params={{ app }} search={{ t: publishTarget(env, cluster, ns) }}>
              {t("promote.review")}
            </Link>
          </>
        )}
      </p>
      {changes.error && <Failure error={changes.error} />}
      <OrConflict changes={changes}>{null}</OrConflict>
      <ol className={`sheet ${classes.list}`}>
        {shown.map((one) => {
          const { entry, value } = one;
          const Sign = entry.kind === "edit" ? IconPencil : IconRocket;
          return (
            <li key={entry.id} data-kind={entry.kind}>
              <Sign size={16} stroke={1.8} className={classes.sign} aria-hidden />
              <div>
                <p>
                  <b>{t(`history.did.${entry.did}`)}</b> {one === live && <StateChip state="live" />}
                </p>
                <p className="wrap">{value ?? <em>{t("history.deleted")}</em>}</p>
                <p className="note">
                  <Since by={entry.by} time={entry.at} /> {entry.title && <span className="mono">{entry.title}</span>}
                </p>
              </div>
              {mayEdit && namespace && value !== null && value !== stored?.value && (
                <Button
                  variant="default"
                  size="compact-sm"
                  leftSection={<IconArrowBackUp size={14} />}
                  loading={changes.isPending && wanted === value}
                  onClick={() => restore(value)}
                >
                  {t("history.restore")}
                </Button>
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
