// Review of the unpublished changes of one or several namespaces, then their release with its name
// and comment. What is published is exactly what was reviewed.
import { useQueries } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { servedRelease } from "../api/history";
import { schemaViolations } from "../api/namespaceSchema";
import { draft, lock, useBoot, type Draft, type Place } from "../api/queries";
import { ownRights } from "../api/roles";
import type { SchemaViolation } from "../api/schema";
import { DiffView } from "../components/DiffView";
import { EnvName } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { Empty, Failure, PageLoading } from "../components/States";
import { draftRows, keyChanges, type KeyChange } from "../state/draft";
import { useShortcuts } from "../state/keys";
import { scopeOf, targetName } from "../state/targets";
import { keepViewed, readViewed, toggleViewed, viewState, withoutTicks, type Viewed } from "../state/viewed";
import { PublishForm } from "./PublishForm";
import { PublishMore } from "./PublishMore";
import { earlier, Reapplied } from "./Reapplied";
import classes from "./Publish.module.css";

const route = getRouteApi("/in/a/$app/publish");

/** A namespace to publish. */
export interface Reviewed {
  place: Place;
  draft: Draft;
  changes: KeyChange[];
  canPublish: boolean;
  /** The user has edited it, where somebody else has to publish. */
  isOwnEdit: boolean;
  emergency: boolean;
  /** The first places that violate the schema of the namespace. */
  violations: SchemaViolation[];
}

export function Publish() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { t: targets } = route.useSearch();
  const places = targets.split(",").flatMap((target): Place[] => {
    const [env, cluster, ns] = target.split(":");
    return env && cluster && ns ? [{ app, env, cluster, ns }] : [];
  });
  const { envs, clusters } = scopeOf(places);
  // Kept when a namespace is added to the review, and when the page is loaded again.
  const ticks = useTicks();
  return (
    <Main title={t("publish.title")}>
      <div className="row">
        <h1>{t("publish.title")}</h1>
        {envs.map((env) => (
          <EnvName key={env} env={env} />
        ))}
        <span className="note">{clusters.join(", ")}</span>
      </div>
      {places.length > 0 ? (
        <Review key={targets} places={places} ticks={ticks} />
      ) : (
        <Empty title={t("publish.noTarget")} />
      )}
    </Main>
  );
}

interface Ticks {
  viewed: Viewed;
  change: (to: (viewed: Viewed) => Viewed) => void;
}

function useTicks(): Ticks {
  const { userId } = useBoot().user;
  const [viewed, setViewed] = useState(() => readViewed(userId));
  useEffect(() => keepViewed(userId, viewed), [userId, viewed]);
  return { viewed, change: setViewed };
}

interface ReviewProps {
  places: Place[];
  ticks: Ticks;
}

function Review({ places: all, ticks: { viewed, change: changeTicks } }: ReviewProps) {
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  useChangeKeys();
  // What was released is not reviewed again with what was not.
  const [places, setPlaces] = useState(all);
  // While the outcome is shown, the published drafts have no changes any more.
  const [submitted, setSubmitted] = useState<Reviewed[] | null>(null);
  const drafts = useQueries({ queries: places.map((place) => draft(place)) });
  const rights = useQueries({ queries: places.map((place) => ownRights(place, userId)) });
  const locks = useQueries({ queries: places.map((place) => lock(place)) });
  const checks = useQueries({ queries: places.map((place) => schemaViolations(place)) });
  // With the others it is one call.
  useQueries({ queries: places.map((place) => earlier(place)) });
  useQueries({ queries: places.map((place) => servedRelease(place)) });
  const failed = drafts.find(({ isError }) => isError);
  const failure = failed && <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  // What was read before, entered, or published, stays if it cannot be read again.
  if (drafts.some(({ isError, data }) => isError && data === undefined)) return failure;
  const current = places.flatMap((place, index): Reviewed[] => {
    const [stored, right, held] = [drafts[index]?.data, rights[index]?.data, locks[index]?.data];
    // Without the answer of the check, the server still refuses what violates the schema.
    const violations = checks[index]?.data ?? [];
    if (!stored || !right || held === undefined) return [];
    return [
      {
        place,
        draft: stored,
        changes: keyChanges(draftRows(stored.items ?? [])),
        canPublish: right.publish,
        isOwnEdit: held?.isLocked === true && held.lockedBy === userId,
        emergency: held?.isEmergencyPublishAllowed ?? false,
        violations,
      },
    ];
  });
  const isLoading = [...drafts, ...rights, ...locks, ...checks].some(({ isPending }) => isPending);
  // A change that was just saved may not be in what is shown yet.
  const isReading = [...drafts, ...checks].some(({ isFetching }) => isFetching);
  if (!submitted && isLoading) return <PageLoading />;
  const reviewed = submitted ?? current;
  const seen = reviewed.flatMap(({ place, changes }) =>
    changes.filter((change) => viewState(viewed, place, change) === "viewed"),
  ).length;
  const total = reviewed.reduce((sum, { changes }) => sum + changes.length, 0);
  return (
    <div className={classes.columns}>
      <div className="stack">
        {!submitted && failure}
        {!submitted && seen > 0 && <Seen seen={seen} total={total} />}
        {reviewed.map(({ place, changes }) => (
          <section key={Object.values(place).join("/")} aria-label={targetName(place, places)} className="stack">
            <div className="row">
              <h2>
                <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{}} className="mono">
                  {targetName(place, places)}
                </Link>
              </h2>
              <span className="note">{t("publish.keys", { count: changes.length })}</span>
            </div>
            {!submitted && <Reapplied place={place} changes={changes} />}
            {changes.length > 0 && (
              <DiffView
                ns={place.ns}
                changes={changes}
                owner={places.length > 1 ? targetName(place, places) : undefined}
                review={
                  submitted
                    ? undefined
                    : {
                        state: (change) => viewState(viewed, place, change),
                        toggle: (change) => changeTicks((old) => toggleViewed(old, place, change)),
                      }
                }
              />
            )}
          </section>
        ))}
        {total === 0 && <Empty title={t("publish.nothing")} />}
        {!submitted && <PublishMore places={places} />}
      </div>
      <PublishForm
        current={reviewed}
        isReading={isReading}
        onSubmit={setSubmitted}
        onAgain={(failed) => {
          setPlaces(failed);
          setSubmitted(null);
        }}
        onPublished={(place) => changeTicks((old) => withoutTicks(old, place))}
      />
    </div>
  );
}

function Seen({ seen, total }: { seen: number; total: number }) {
  const { t } = useTranslation();
  return (
    <div className={classes.seen}>
      <progress aria-label={t("publish.seenLabel")} max={total} value={seen} />
      <span className="note" role="status">
        {t("publish.seen", { seen, total })}
      </span>
    </div>
  );
}

/** `j` and `k` move between the changes, `v` ticks the focused one. */
function useChangeKeys(): void {
  const move = (step: number) => {
    const all = [...document.querySelectorAll<HTMLElement>("[data-change]")];
    const at = all.findIndex((one) => one.contains(document.activeElement));
    all[at < 0 ? 0 : at + step]?.focus();
  };
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    v: () => document.activeElement?.closest("[data-change]")?.querySelector<HTMLElement>("[type=checkbox]")?.click(),
  });
}
