// One namespace: its items compared with the live release as a table, and its releases. All actions
// on it start here.
import { Button } from "@mantine/core";
import { IconHistory, IconTable } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { activeReleases, draft, type Place } from "../api/queries";
import type { OpenNamespaceDTO, OpenReleaseDTO } from "../api/bodies";
import { EnvName } from "../parts/EnvSwitch";
import { Main } from "../parts/Main";
import { ReleaseList } from "../parts/ReleaseList";
import { Since } from "../parts/Since";
import { StateChip } from "../parts/StateChip";
import { Loaded } from "../parts/States";
import classes from "./Namespace.module.css";
import { NamespaceItems, publishing } from "./NamespaceItems";

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");

export function Namespace() {
  const place = route.useParams();
  const { view } = route.useSearch();
  const stored = useQuery(draft(place));
  const releases = useQuery(activeReleases(place));
  const live = releases.data && (releases.data[0] ?? null);
  return (
    <Main title={`${place.ns} / ${place.env}`} className={classes.page}>
      <Loaded query={stored}>
        {(namespace) =>
          namespace === null || namespace.extendInfo?.isConfigHidden ? (
            <Hidden place={place} />
          ) : (
            <>
              <Head place={place} namespace={namespace} live={live} />
              <Tabs place={place} />
              {view === "history" ? (
                <div className={classes.scroll}>
                  <Loaded query={releases}>
                    {(list) => <ReleaseList app={place.app} env={place.env} releases={list} />}
                  </Loaded>
                </div>
              ) : (
                <NamespaceItems key={Object.values(place).join("+")} place={place} namespace={namespace} />
              )}
            </>
          )
        }
      </Loaded>
    </Main>
  );
}

interface HeadProps {
  place: Place;
  namespace: OpenNamespaceDTO;
  /** Null if nothing has been published, undefined while that is unknown. */
  live: OpenReleaseDTO | null | undefined;
}

function Head({ place, namespace, live }: HeadProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.head}>
      <h1>{place.ns}</h1>
      <EnvName env={place.env} />
      <span className="badge">{namespace.format ?? "properties"}</span>
      <span className="badge">{t(namespace.isPublic ? "namespace.public" : "namespace.private")}</span>
      {live && (
        <span className={classes.live}>
          <StateChip state="live" /> <span className="mono">{live.name}</span>{" "}
          {live.dataChangeCreatedByDisplayName ?? live.dataChangeCreatedBy} <Since time={live.dataChangeCreatedTime} />
        </span>
      )}
      {live === null && (
        <p className={classes.warning}>
          {t("release.never")} <Link {...publishing(place)}>{t("change.review")}</Link>
        </p>
      )}
    </div>
  );
}

function Tabs({ place }: { place: Place }) {
  const { t } = useTranslation();
  const { f } = route.useSearch();
  return (
    <nav className={`tabs ${classes.tabs}`} aria-label={t("namespace.views")}>
      <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ f }} activeOptions={{ exact: true }}>
        <IconTable size={16} stroke={1.8} aria-hidden /> {t("namespace.table")}
      </Link>
      <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ view: "history", f }}>
        <IconHistory size={16} stroke={1.8} aria-hidden /> {t("namespace.history")}
      </Link>
    </nav>
  );
}

function Hidden({ place }: { place: Place }) {
  const { t } = useTranslation();
  return (
    <div className="empty">
      <h1>{place.ns}</h1>
      <p>{t("namespace.hidden")}</p>
      <p>{t("namespace.hiddenHelp")}</p>
      <Button variant="default" renderRoot={(props) => <Link {...props} to="/a/$app" params={{ app: place.app }} />}>
        {t("app.overview")}
      </Button>
    </div>
  );
}
