// Start page: the user's own, pinned or recently visited apps, or those of the team, as cards with a filter.
import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useDeferredValue, useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { OpenAppDTO } from "../api/bodies";
import { appsById, mayCreateApps, pins } from "../api/home";
import { allApps, ownApps, useBoot } from "../api/queries";
import { recents } from "../api/recent";
import { AppTabs } from "../components/AppTabs";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Empty, Loaded, NoMatch } from "../components/States";
import { WaitingRequests } from "../components/WaitingRequests";
import { useShortcuts } from "../state/keys";
import { appMatches, teamApps } from "../text/apps";
import { AppCards } from "./AppCards";

const route = getRouteApi("/in/");

type Tab = "pinned" | "recent" | "team" | undefined;

export function Home() {
  const { t } = useTranslation();
  const { tab, q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = (q: string | undefined) => void navigate({ search: { tab, q }, replace: true });
  return (
    <Main title={t("home.title")}>
      <div className="row head">
        <h1>{t("home.title")}</h1>
        <NewApp />
      </div>
      <WaitingRequests />
      <div className="row">
        <AppTabs />
        <FilterField label={t("home.filter")} value={q} onChange={filter} />
      </div>
      <Lists tab={tab} q={q} onClear={() => filter(undefined)} />
    </Main>
  );
}

interface ListProps {
  tab: Tab;
  q: string;
  onClear: () => void;
}

function Lists(props: ListProps) {
  if (props.tab === "pinned") return <Pinned {...props} />;
  if (props.tab === "team") return <Team {...props} />;
  return props.tab === "recent" ? <Recent {...props} /> : <Own {...props} />;
}

function Own(props: ListProps) {
  const query = useQuery(ownApps);
  return <Loaded query={query}>{(apps) => <Filtered apps={apps} {...props} />}</Loaded>;
}

function Pinned(props: ListProps) {
  const query = useQuery(pins(useBoot().user.userId));
  return <Loaded query={query}>{(list) => <ById ids={list.map(({ appId }) => appId)} {...props} />}</Loaded>;
}

function Recent(props: ListProps) {
  const query = useQuery(recents);
  return <Loaded query={query}>{(apps) => <Filtered apps={apps} {...props} />}</Loaded>;
}

function Team(props: ListProps) {
  const own = useQuery(ownApps);
  const all = useQuery(allApps);
  return (
    <Loaded query={own}>
      {(mine) => <Loaded query={all}>{(apps) => <Filtered apps={teamApps(mine, apps)} {...props} />}</Loaded>}
    </Loaded>
  );
}

function ById({ ids, ...props }: ListProps & { ids: string[] }) {
  const query = useQuery({ ...appsById(ids), placeholderData: keepPreviousData });
  return <Loaded query={query}>{(apps) => <Filtered apps={apps} {...props} />}</Loaded>;
}

function Filtered({ apps, tab, q, onClear }: ListProps & { apps: OpenAppDTO[] }) {
  // Hundreds of cards must not delay the next keystroke.
  const wanted = useDeferredValue(q);
  const found = useMemo(() => apps.filter((app) => appMatches(app, wanted)), [apps, wanted]);
  if (found.length > 0) return <AppCards apps={found} isOrdered={tab === "pinned"} />;
  return q ? <NoMatch onClear={onClear} /> : <NoApps tab={tab} />;
}

/** Only for those who may create apps. */
function NewApp() {
  const { t } = useTranslation();
  const { user } = useBoot();
  const navigate = route.useNavigate();
  const isAllowed = useQuery(mayCreateApps(user.userId)).data ?? false;
  useShortcuts(isAllowed ? { n: () => void navigate({ to: "/new" }) } : {});
  if (!isAllowed) return null;
  return (
    <Button className="push" leftSection={<IconPlus size={16} />} renderRoot={(props) => <Link {...props} to="/new" />}>
      {t("newApp.title")}
    </Button>
  );
}

function NoApps({ tab }: { tab: Tab }) {
  const { t } = useTranslation();
  return (
    <Empty title={t(`home.empty.${tab ?? "mine"}`)}>
      <Button variant="default" renderRoot={(props) => <Link {...props} to="/browse" />}>
        {t("home.showAll")}
      </Button>
    </Empty>
  );
}
