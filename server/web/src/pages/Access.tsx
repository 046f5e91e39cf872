// Who may edit and publish what: people in rows, environments in columns. Changes are saved together.
import { Button, NativeSelect } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { appNamespaces, envClusters, useBoot } from "../api/queries";
import { requestsOf } from "../api/requests";
import { mayAppoint } from "../api/rights";
import { holders, masters, type Right, type Scope } from "../api/roles";
import { rootRight } from "../api/users";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { NoRight } from "../components/NoRight";
import { Failure, PageLoading } from "../components/States";
import { holds, withAdmin, type AccessColumn } from "../state/access";
import { AccessMatrix } from "./AccessMatrix";
import { AccessRequests } from "./AccessRequests";

const route = getRouteApi("/in/a/$app/access");
const APPLICATION = "application";
/** Value of the choice that shows the grants for whole clusters. */
const CLUSTERS = "*";

export function Access() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const { ns = APPLICATION, who = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { user, envs } = useBoot();
  const namespaces = useQuery(appNamespaces(app)).data ?? [];
  const clusters = useQuery(envClusters(app)).data ?? [];
  const root = useQuery(rootRight(user.userId)).data;
  const isRoot = root === true;
  const admins = useQuery(masters(app));
  const scopes: Exclude<Scope, { kind: "app" }>[] =
    ns === CLUSTERS
      ? clusters.flatMap(({ env, clusters: names = [] }) =>
          names.map((cluster) => ({ kind: "cluster" as const, app, env, cluster })),
        )
      : [{ kind: "namespace", app, ns }, ...envs.map((env) => ({ kind: "env" as const, app, ns, env }))];
  const found = useQueries({ queries: scopes.map(holders) });
  const failed = [admins, ...found].find(({ isError }) => isError);
  const isLoaded = admins.data !== undefined && found.every(({ data }) => data !== undefined);
  const columns: AccessColumn[] = [
    { id: "admin", scope: { kind: "app", app }, holders: { admin: admins.data ?? [], edit: [], publish: [] } },
    ...scopes.map((scope, index) => ({
      id: JSON.stringify(scope),
      scope,
      holders: withAdmin(found[index]?.data),
    })),
  ];
  const mayGrant = isRoot || (admins.data ?? []).some(({ userId }) => userId === user.userId);
  const appoints = useQuery({ ...mayAppoint(user.userId, app), enabled: mayGrant && root === false });
  const [added, setAdded] = useState<string[]>([]);
  const names = [...new Set([APPLICATION, ...namespaces.map(({ name }) => name)])];
  const setSearch = (part: { ns?: string | undefined; who?: string | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  return (
    <Main title={`${t("access.title")} ${app}`}>
      <div className="row">
        <h1>{t("access.title")}</h1>
        <NativeSelect
          className="push"
          aria-label={t("access.scope")}
          value={ns}
          data={[
            ...names.map((name) => ({ value: name, label: name })),
            { value: CLUSTERS, label: t("access.clusters") },
          ]}
          onChange={(event) =>
            setSearch({ ns: event.currentTarget.value === APPLICATION ? undefined : event.currentTarget.value })
          }
        />
        <FilterField label={t("access.filter")} value={who} onChange={(who) => setSearch({ who })} />
        {mayGrant && <Requests app={app} />}
      </div>
      <p className="note">{t(ns === CLUSTERS ? "access.helpClusters" : "access.help")}</p>
      {failed && <Failure error={failed.error} onRetry={() => void failed.refetch()} />}
      {/* What was read before, and changed here, stays if it cannot be read again. */}
      {!isLoaded ? (
        !failed && <PageLoading />
      ) : (
        <>
          {!mayGrant && (
            <NoRight
              rights={{ admins: admins.data }}
              needed={t("access.adminsOnly")}
              request={
                ns === CLUSTERS ? undefined : { at: { app, env: "", ns }, missing: lacking(columns, user.userId) }
              }
            />
          )}
          <AccessMatrix
            key={ns}
            app={app}
            columns={columns}
            added={added}
            onAdd={(userId) => setAdded([...added, userId])}
            filter={who}
            mayGrant={mayGrant}
            mayAppoint={isRoot || appoints.data !== false}
          />
        </>
      )}
    </Main>
  );
}

/** The rights that the user does not have in all environments. */
function lacking(columns: AccessColumn[], userId: string): Right[] {
  const everywhere = columns.find(({ scope }) => scope.kind === "namespace");
  return (["edit", "publish"] as const).filter((right) => everywhere && !holds(everywhere, right, userId));
}

function Requests({ app }: { app: string }) {
  const { t } = useTranslation();
  const { requests: isOpen } = route.useSearch();
  const navigate = route.useNavigate();
  const requests = useQuery(requestsOf(app)).data ?? [];
  const count = requests.filter(({ state }) => state === "open").length;
  const show = (requests: "open" | undefined) =>
    void navigate({ search: (old) => ({ ...old, requests }), replace: true });
  return (
    <>
      <Button variant={count > 0 ? "filled" : "default"} onClick={() => show("open")}>
        {t("request.button", { count })}
      </Button>
      {isOpen && <AccessRequests requests={requests} onClose={() => show(undefined)} />}
    </>
  );
}
