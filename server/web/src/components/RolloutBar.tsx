// How many instances have a release, and which ones do not have it yet.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Place } from "../api/queries";
import { rollout } from "../api/rollout";
import classes from "./RolloutBar.module.css";
import { Loaded } from "./States";

interface Props {
  place: Place;
  releaseId: number;
  /** When it was published; now by default. */
  since?: number;
}

export function RolloutBar({ place, releaseId, since }: Props) {
  const { t, i18n } = useTranslation();
  const [now] = useState(() => Date.now());
  const query = useQuery(rollout(place, releaseId, since ?? now));
  // One line, as what follows.
  if (query.isPending) return <p className="note">{t("state.loading")}</p>;
  return (
    <Loaded query={query}>
      {({ have, total, late }) => {
        if (total === 0) return <p className="note">{t("rollout.none")}</p>;
        const names = late.map(({ ip }) => ip ?? "");
        return (
          <div className={classes.rollout}>
            <progress aria-label={t("rollout.label", { name: place.ns })} max={total} value={have} />
            <span role="status">{t("rollout.have", { have, total, count: total })}</span>
            {late.length > 0 && (
              <span className="note">
                {t("rollout.late", {
                  list: new Intl.ListFormat(i18n.language).format(names),
                  count: Math.max(total - have, late.length),
                })}
              </span>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}
