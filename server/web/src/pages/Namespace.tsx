// One namespace: its items compared with the live release as a table, and its releases. All actions
// on it start here.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";

import { useInstances } from "../api/instances";
import { useServed } from "../api/live";
import { hasSchema } from "../api/namespaceSchema";
import { activeReleases, draft, liveRelease, type Place } from "../api/queries";
import type { OpenNamespaceDTO, OpenReleaseDTO } from "../api/bodies";
import { EnvName } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { RecentRollout } from "../components/RecentRollout";
import { ReleaseList } from "../components/ReleaseList";
import { RequestAccess } from "../components/RequestAccess";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { Loaded, PageLoading } from "../components/States";
import classes from "./Namespace.module.css";
import { AccessBanner, EditorsBanner, useAccess } from "./NamespaceAccess";
import { NamespaceItems, publishing } from "./NamespaceItems";
import { NamespaceSchema } from "./NamespaceSchema";
import { isDocument, NamespaceTabs } from "./NamespaceTabs";
import { viewCode } from "./namespaceViews";

const NamespaceLive = lazy(async () => ({ default: (await viewCode.live()).NamespaceLive }));
const NamespaceInstances = lazy(async () => ({ default: (await viewCode.instances()).NamespaceInstances }));
const NamespaceText = lazy(async () => ({ default: (await viewCode.text()).NamespaceText }));

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns");

export function Namespace() {
  const place = route.useParams();
  const { view, f } = route.useSearch();
  const stored = useQuery(draft(place));
  const newest = useQuery(liveRelease(place));
  const live = newest.data;
  const releases = useQuery({ ...activeReleases(place), enabled: view === "history" });
  // Read while their code is loaded.
  useServed(place, view === "live");
  useInstances(place, view === "instances" ? live : null);
  const { access, isPending } = useAccess(place);
  return (
    <Main title={`${place.ns} / ${place.env}`} className={classes.page}>
      <Loaded query={stored}>
        {(namespace) =>
          namespace === null || namespace.extendInfo?.isConfigHidden ? (
            <Hidden place={place} />
          ) : (
            <>
              <Head place={place} namespace={namespace} live={live} canPublish={access?.canPublish ?? false} />
              {live && <RecentRollout key={live.id} place={place} release={live} />}
              {access && <AccessBanner place={place} access={access} />}
              <EditorsBanner place={place} />
              <NamespaceTabs place={place} isDocument={isDocument(namespace)} f={f} />
              {/* The others are shown while the code of a view is loaded. */}
              <Suspense fallback={<PageLoading />}>
                {isPending ? (
                  // A table or text without its actions would move when they appear, and ignore their keys.
                  <PageLoading />
                ) : view === "history" ? (
                  <div className={classes.scroll}>
                    <Loaded query={releases}>{(list) => <ReleaseList place={place} releases={list} />}</Loaded>
                  </div>
                ) : view === "live" ? (
                  <NamespaceLive place={place} format={namespace.format ?? "properties"} />
                ) : view === "instances" ? (
                  <Loaded query={newest}>{(live) => <NamespaceInstances place={place} live={live} />}</Loaded>
                ) : view === "text" || isDocument(namespace) ? (
                  <NamespaceText place={place} draft={namespace} access={access} />
                ) : (
                  <NamespaceItems place={place} draft={namespace} access={access} />
                )}
              </Suspense>
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
  canPublish: boolean;
}

function Head({ place, namespace, live, canPublish }: HeadProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.head}>
      <h1>{place.ns}</h1>
      <EnvName env={place.env} />
      <span className="badge">{namespace.format ?? "properties"}</span>
      <span className="badge">{t(namespace.isPublic ? "namespace.public" : "namespace.private")}</span>
      {live && (
        <span className={classes.live}>
          <StateChip state="live" /> <span className="mono">{live.name}</span> ·{" "}
          <Since
            by={live.dataChangeCreatedByDisplayName ?? live.dataChangeCreatedBy}
            time={live.dataChangeCreatedTime}
          />
        </span>
      )}
      {hasSchema(namespace.format ?? "properties") && <NamespaceSchema place={place} />}
      {live === null && (
        <p className={classes.warning}>
          {t(place.cluster === "default" ? "release.never" : "live.inherited")}{" "}
          {/* With changes, the bar below leads there. */}
          {canPublish && !namespace.extendInfo?.itemModifiedCnt && (
            <Link {...publishing(place)}>{t("change.review")}</Link>
          )}
        </p>
      )}
    </div>
  );
}

function Hidden({ place }: { place: Place }) {
  const { t } = useTranslation();
  return (
    <div className="empty">
      <h1>{place.ns}</h1>
      <p>{t("namespace.hidden")}</p>
      <p>{t("namespace.hiddenHelp")}</p>
      <RequestAccess at={place} missing={["edit", "publish"]} />
      <Button variant="default" renderRoot={(props) => <Link {...props} to="/a/$app" params={{ app: place.app }} />}>
        {t("app.overview")}
      </Button>
    </div>
  );
}
