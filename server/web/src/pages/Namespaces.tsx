// One cluster of an app: the panel of its namespaces, and beside it the open one.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Outlet, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { namespaceList } from "../api/queries";
import { Main } from "../parts/Main";
import { NamespacePanel } from "../parts/NamespacePanel";
import { Empty, Failure } from "../parts/States";
import classes from "./Namespaces.module.css";

const route = getRouteApi("/in/a/$app/c/$env/$cluster");

export function Namespaces() {
  const { t } = useTranslation();
  const { app, env, cluster } = route.useParams();
  const { ns } = useParams({ strict: false });
  const navigate = route.useNavigate();
  const query = useQuery(namespaceList(app, env, cluster));
  const open = (ns: string) =>
    void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: { app, env, cluster, ns }, search: {} });
  return (
    <div className={classes.frame} data-open={ns !== undefined}>
      {query.isError && (
        <div className={classes.failure}>
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        </div>
      )}
      {query.data && <NamespacePanel {...{ app, env, cluster, ns }} list={query.data} onOpen={open} />}
      {ns === undefined ? (
        <Main title={`${app} / ${env} / ${cluster}`} className={classes.main}>
          <h1 className="unseen">{`${env} / ${cluster}`}</h1>
          {query.data && <Empty title={t("namespace.choose")} />}
        </Main>
      ) : (
        <Outlet />
      )}
    </div>
  );
}
