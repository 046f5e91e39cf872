// Review of the unpublished changes of one or several namespaces, then their release with its name
// and comment. What is published is exactly what was reviewed.
import { useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { draft, lock, namespaceList, useBoot, type Draft, type Place } from "../api/queries";
import { ownRights } from "../api/roles";
import { DiffView } from "../parts/DiffView";
import { EnvName } from "../parts/EnvSwitch";
import { Main } from "../parts/Main";
import { Empty, Failure, PageLoading } from "../parts/States";
import { publishTarget } from "../routes/address";
import { draftRows, keyChanges, type KeyChange } from "../state/draft";
import { useShortcuts } from "../state/keys";
import { toggleViewed, viewState, type Viewed } from "../state/viewed";
import { PublishForm } from "./PublishForm";
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
}

export function Publish() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { t: targets } = route.useSearch();
  const places = targets.split(",").flatMap((target): Place[] => {
    const [env, cluster, ns] = target.split(":");
    return env && cluster && ns ? [{ app, env, cluster, ns }] : [];
  });
  const [first] = places;
  // Kept when a namespace is added to the review.
  const [viewed, setViewed] = useState<Viewed>(new Map());
  return (
    <Main title={t("publish.title")} className={classes.page}>
      <div className="row">
        <h1>{t("publish.title")}</h1>
        {first && (
          <>
            <EnvName env={first.env} />
            <span className="note">{first.cluster}</span>
          </>
        )}
      </div>
      {first ? (
        <Review key={targets} places={places} first={first} ticks={[viewed, setViewed]} />
      ) : (
        <Empty title={t("publish.noTarget")} />
      )}
    </Main>
  );
}

interface ReviewProps {
  places: Place[];
  first: Place;
  ticks: [Viewed, (viewed: Viewed) => void];
}

function Review({ places, first, ticks: [viewed, setViewed] }: ReviewProps) {
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  useChangeKeys();
  // While the outcome is shown, the published drafts have no changes any more.
  const [submitted, setSubmitted] = useState<Reviewed[] | null>(null);
  const drafts = useQueries({ queries: places.map((place) => draft(place)) });
  const rights = useQueries({ queries: places.map((place) => ownRights(place, userId)) });
  const locks = useQueries({ queries: places.map((place) => lock(place)) });
  const failed = drafts.find(({ isError }) => isError);
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  const current = places.flatMap((place, index): Reviewed[] => {
    const [stored, right, held] = [drafts[index]?.data, rights[index]?.data, locks[index]?.data];
    if (!stored || !right || held === undefined) return [];
    return [
      {
        place,
        draft: stored,
        changes: keyChanges(draftRows(stored.items ?? [])),
        canPublish: right.publish,
        isOwnEdit: held?.isLocked === true && held.lockedBy === userId,
        emergency: held?.isEmergencyPublishAllowed ?? false,
      },
    ];
  });
  const isLoading = [...drafts, ...rights, ...locks].some(({ isPending }) => isPending);
  // A change that was just saved may not be in what is shown yet.
  const isReading = drafts.some(({ isFetching }) => isFetching);
  if (!submitted && isLoading) return <PageLoading />;
  const reviewed = submitted ?? current;
  const seen = reviewed.flatMap(({ place, changes }) =>
    changes.filter((change) => viewState(viewed, place.ns, change) === "viewed"),
  ).length;
  const total = reviewed.reduce((sum, { changes }) => sum + changes.length, 0);
  return (
    <div className={classes.columns}>
      <div className="stack">
        {!submitted && seen > 0 && <Seen seen={seen} total={total} />}
        {reviewed.map(({ place, changes }) => (
          <section key={place.ns} aria-label={place.ns} className="stack">
            <div className="row">
              <h2>
                <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{}} className="mono">
                  {place.ns}
                </Link>
              </h2>
              <span className="note">{t("publish.keys", { count: changes.length })}</span>
            </div>
            {changes.length > 0 && (
              <DiffView
                changes={changes}
                review={
                  submitted
                    ? undefined
                    : {
                        state: (change) => viewState(viewed, place.ns, change),
                        toggle: (change) => setViewed(toggleViewed(viewed, place.ns, change)),
                      }
                }
              />
            )}
          </section>
        ))}
        {total === 0 && <Empty title={t("publish.nothing")} />}
        {!submitted && <More places={places} first={first} />}
      </div>
      <PublishForm reviewed={reviewed} isReading={isReading} place={first} onSubmit={setSubmitted} />
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

/** Other namespaces of the cluster that have unpublished changes, to publish them together. */
function More({ places, first }: { places: Place[]; first: Place }) {
  const { t } = useTranslation();
  const { targets, app, env, cluster } = { ...first, targets: places.map(({ ns }) => ns) };
  const list = useQuery(namespaceList(app, env, cluster)).data ?? [];
  const others = list.filter(
    ({ namespaceName, extendInfo }) => !targets.includes(namespaceName) && (extendInfo?.itemModifiedCnt ?? 0) > 0,
  );
  if (others.length === 0) return null;
  const address = (names: string[]) => names.map((ns) => publishTarget(env, cluster, ns)).join(",");
  return (
    <section className="stack" aria-label={t("publish.more")}>
      <h2>{t("publish.more")}</h2>
      <ul className="lines">
        {others.map(({ namespaceName, extendInfo }) => (
          <li key={namespaceName}>
            <Link to="/a/$app/publish" params={{ app }} search={{ t: address([...targets, namespaceName]) }}>
              {t("publish.add", { name: namespaceName })}
            </Link>{" "}
            <span className="note">{t("publish.keys", { count: extendInfo?.itemModifiedCnt ?? 0 })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
