// All apps of the portal as a table, filtered by text and department.
import { Button, NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenAppDTO } from "../api/bodies";
import { allApps } from "../api/queries";
import { AppTabs } from "../components/AppTabs";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Empty, Loaded } from "../components/States";
import { VirtualTable, type Column } from "../components/VirtualTable";
import { appMatches } from "../text/apps";

const route = getRouteApi("/in/browse");

export function Browse() {
  const { t } = useTranslation();
  const { q, org } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(allApps);
  const departments = new Map((query.data ?? []).map(({ orgId = "", orgName = orgId }) => [orgId, orgName]));
  const show = (search: { q?: string | undefined; org?: string | undefined }) =>
    void navigate({ search, replace: true });
  return (
    <Main title={t("browse.title")} className="page fixed">
      <div className="row head">
        <h1>{t("browse.title")}</h1>
      </div>
      <div className="row">
        <AppTabs />
        <FilterField label={t("home.filter")} value={q ?? ""} onChange={(q) => show({ q, org })} />
        <NativeSelect
          aria-label={t("newApp.orgId")}
          value={org ?? ""}
          data={[
            { value: "", label: t("browse.everyDepartment") },
            ...[...departments].map(([value, label]) => ({ value, label })),
          ]}
          onChange={(event) => show({ q, org: event.currentTarget.value || undefined })}
        />
      </div>
      <Loaded query={query}>
        {(apps) => {
          const found = apps.filter((app) => (org === undefined || app.orgId === org) && appMatches(app, q ?? ""));
          return found.length > 0 ? (
            <>
              <p className="note" role="status">
                {t("browse.shown", { shown: found.length, total: apps.length, count: apps.length })}
              </p>
              <Apps apps={found} />
            </>
          ) : (
            <Empty title={t(apps.length > 0 ? "state.noMatch" : "home.none")}>
              {apps.length > 0 && (
                <Button variant="default" onClick={() => show({})}>
                  {t("state.clearFilter")}
                </Button>
              )}
            </Empty>
          );
        }}
      </Loaded>
    </Main>
  );
}

function Apps({ apps }: { apps: OpenAppDTO[] }) {
  const { t } = useTranslation();
  const columns: Column<OpenAppDTO>[] = [
    {
      name: t("newApp.name"),
      width: 3,
      cell: ({ appId, name }) => (
        <Link to="/a/$app" params={{ app: appId }}>
          {name}
        </Link>
      ),
    },
    { name: t("newApp.appId"), width: 3, cell: ({ appId }) => <span className="mono">{appId}</span> },
    { name: t("newApp.orgId"), width: 2, cell: ({ orgName }) => orgName },
    { name: t("newApp.ownerName"), width: 2, cell: (app) => app.ownerDisplayName ?? app.ownerName },
  ];
  return <VirtualTable label={t("browse.title")} columns={columns} rows={apps} rowKey={({ appId }) => appId} />;
}
