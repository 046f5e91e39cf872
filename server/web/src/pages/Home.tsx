// Start page: the user's apps or all apps, with a filter, and the link to create one.
import { Button, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import { allApps, ownApps } from "../api/queries";
import type { OpenAppDTO } from "../api/bodies";
import { Main } from "../parts/Main";
import { Empty, Loaded } from "../parts/States";
import classes from "./Home.module.css";

const route = getRouteApi("/in/");

export function Home() {
  const { t } = useTranslation();
  const { tab, q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const filter = useRef<HTMLInputElement>(null);
  const query = useQuery(tab === "all" ? allApps : ownApps);
  useHotkeys([
    ["/", () => filter.current?.focus()],
    ["n", () => void navigate({ to: "/new" })],
  ]);
  const show = (next: { tab?: "all" | undefined; q?: string | undefined }) =>
    void navigate({ search: { tab, q: q || undefined, ...next }, replace: true });
  return (
    <Main title={t("home.title")}>
      <div className="row">
        <h1>{t("home.title")}</h1>
        <Button
          className="push"
          leftSection={<IconPlus size={16} />}
          renderRoot={(props) => <Link {...props} to="/new" />}
        >
          {t("newApp.title")}
        </Button>
      </div>
      <div className="row">
        <nav className="tabs" aria-label={t("home.which")}>
          {([undefined, "all"] as const).map((value) => (
            <Link
              key={value ?? "mine"}
              to="/"
              search={{ tab: value, q: q || undefined }}
              activeOptions={{ exact: true }}
            >
              {t(`home.${value ?? "mine"}`)}
            </Link>
          ))}
        </nav>
        <TextInput
          ref={filter}
          className={classes.filter}
          aria-label={t("home.filter")}
          placeholder={t("home.filter")}
          leftSection={<IconSearch size={16} stroke={1.8} />}
          rightSection={<kbd>/</kbd>}
          value={q}
          onChange={(event) => show({ q: event.currentTarget.value || undefined })}
        />
      </div>
      <Loaded query={query}>
        {(apps) => (
          <AppCards
            apps={matching(apps, q)}
            filtered={q !== ""}
            onAll={tab === "all" ? null : () => show({ tab: "all" })}
          />
        )}
      </Loaded>
    </Main>
  );
}

function AppCards({ apps, filtered, onAll }: { apps: OpenAppDTO[]; filtered: boolean; onAll: (() => void) | null }) {
  const { t } = useTranslation();
  if (apps.length === 0) {
    return (
      <Empty title={t(filtered ? "state.noMatch" : "home.none")}>
        {onAll && (
          <Button variant="default" onClick={onAll}>
            {t("home.showAll")}
          </Button>
        )}
      </Empty>
    );
  }
  return (
    <ul className={classes.cards}>
      {apps.map((app) => (
        <li key={app.appId}>
          <Link to="/a/$app" params={{ app: app.appId }}>
            <b>{app.name}</b>
            <span className="mono">{app.appId}</span>
            <small>{[app.orgName, app.ownerDisplayName ?? app.ownerName].filter(Boolean).join(", ")}</small>
          </Link>
        </li>
      ))}
    </ul>
  );
}

function matching(apps: OpenAppDTO[], q: string): OpenAppDTO[] {
  const wanted = q.toLowerCase();
  return apps.filter((app) =>
    [app.appId, app.name, app.orgName, app.ownerName].some((text) => text?.toLowerCase().includes(wanted)),
  );
}
