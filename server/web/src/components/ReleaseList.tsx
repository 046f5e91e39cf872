// Releases that are not abandoned, newest first; the live one is marked, the others have a link to
// roll back to them. The only one can be withdrawn. What one changed is read when it is opened.
import { Button } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { OpenReleaseDTO } from "../api/bodies";
import { comparison, RELEASES_SHOWN, type Place } from "../api/queries";
import { releaseChange } from "../state/release";
import { DiffView } from "./DiffView";
import classes from "./ReleaseList.module.css";
import { RollbackLink } from "./RollbackLink";
import { Since } from "./Since";
import { StateChip } from "./StateChip";
import { Empty, Loaded } from "./States";
import { WithdrawRelease } from "./WithdrawRelease";

export function ReleaseList({ place, releases }: { place: Place; releases: OpenReleaseDTO[] }) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const live = releases[0];
  if (!live) return <Empty title={t("release.none")} />;
  const { app, ...search } = place;
  const toggle = (id: number) =>
    setOpened(new Set(opened.has(id) ? [...opened].filter((other) => other !== id) : [...opened, id]));
  return (
    <>
      <ol className={classes.list}>
        {releases.slice(0, RELEASES_SHOWN).map((release, index) => {
          const isOpen = opened.has(release.id);
          const Sign = isOpen ? IconChevronDown : IconChevronRight;
          return (
            <li key={release.id} data-live={release === live}>
              <div>
                <b className="mono">{release.name}</b> {release === live && <StateChip state="live" />}
                {release.comment && <p>{release.comment}</p>}
                <p className="note">
                  <Since
                    by={release.dataChangeCreatedByDisplayName ?? release.dataChangeCreatedBy}
                    time={release.dataChangeCreatedTime}
                  />
                </p>
              </div>
              <Button
                variant="subtle"
                aria-expanded={isOpen}
                aria-label={t("release.changesOf", { name: release.name })}
                leftSection={<Sign size={16} stroke={1.8} />}
                onClick={() => toggle(release.id)}
              >
                {t("release.changes")}
              </Button>
              {release !== live && (
                <RollbackLink app={app} env={place.env} live={live.id} to={release.id}>
                  {t("release.rollBack")}
                </RollbackLink>
              )}
              {releases.length === 1 && <WithdrawRelease place={place} release={release} />}
              {isOpen && <Changes place={place} from={releases[index + 1]?.id ?? 0} to={release.id} />}
            </li>
          );
        })}
      </ol>
      <p className={classes.more}>
        <Link to="/a/$app/history" params={{ app }} search={search}>
          {t("release.all")}
        </Link>
      </p>
    </>
  );
}

/** Compared with the release before it, or with nothing. */
function Changes({ place: { env, ns }, from, to }: { place: Place; from: number; to: number }) {
  const { t } = useTranslation();
  const changes = useQuery(comparison(env, from, to));
  return (
    <div className={classes.changes}>
      <Loaded query={changes}>
        {(list) =>
          list.length === 0 ? (
            <p className="note">{t("history.same")}</p>
          ) : (
            <DiffView changes={list.map(releaseChange)} ns={ns} />
          )
        }
      </Loaded>
    </div>
  );
}
