// Warns of unpublished values that a rollback withdrew: after it they are still stored, and the next publish would
// make them live again.
import { useQueries, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { releaseHistory, servedRelease } from "../api/history";
import { comparison, type Place } from "../api/queries";
import type { KeyChange } from "../state/draft";
import { releaseEntry, withdrawnReleases } from "../state/history";
import { releaseChange } from "../state/release";
import classes from "./Publish.module.css";

const READ_ENTRIES = 10;

/** What happened to a namespace before; read together with its draft. */
export const earlier = (place: Place) => releaseHistory(place, READ_ENTRIES);

export function Reapplied({ place, changes }: { place: Place; changes: KeyChange[] }) {
  const { t, i18n } = useTranslation();
  const entries = (useQuery(earlier(place)).data ?? []).map(releaseEntry);
  const served = useQuery(servedRelease(place)).data;
  const compared = served ? withdrawnReleases(entries) : [];
  const withdrawn = useQueries({ queries: compared.map((id) => comparison(place.env, served?.[0]?.id ?? 0, id)) });
  const were = withdrawn.flatMap(({ data }) => data ?? []).map(releaseChange);
  const keys = changes
    .filter(({ key, after }) => were.some((was) => was.key === key && was.after === after))
    .map(({ key }) => key);
  if (keys.length === 0) return null;
  return (
    <p role="status" className={classes.warning}>
      {t("publish.reapplied", { count: keys.length, keys: new Intl.ListFormat(i18n.language).format(keys) })}
    </p>
  );
}
