// Releases that are not abandoned, newest first; the live one is marked, the others have a link to
// roll back to them.
import { Button } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenReleaseDTO } from "../api/bodies";
import classes from "./ReleaseList.module.css";
import { Since } from "./Since";
import { StateChip } from "./StateChip";
import { Empty } from "./States";

export function ReleaseList({ app, env, releases }: { app: string; env: string; releases: OpenReleaseDTO[] }) {
  const { t } = useTranslation();
  const live = releases[0];
  if (!live) return <Empty title={t("release.none")} />;
  return (
    <ol className={classes.list}>
      {releases.map((release) => (
        <li key={release.id} data-live={release === live}>
          <div>
            <b className="mono">{release.name}</b> {release === live && <StateChip state="live" />}
            {release.comment && <p>{release.comment}</p>}
            <p className="note">
              {release.dataChangeCreatedByDisplayName ?? release.dataChangeCreatedBy}{" "}
              <Since time={release.dataChangeCreatedTime} />
            </p>
          </div>
          {release !== live && (
            <Button
              variant="default"
              leftSection={<IconArrowBackUp size={16} stroke={1.8} />}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/a/$app/rollback/$env/$releaseId"
                  params={{ app, env, releaseId: String(live.id) }}
                  search={{ to: release.id }}
                />
              )}
            >
              {t("release.rollBack")}
            </Button>
          )}
        </li>
      ))}
    </ol>
  );
}
