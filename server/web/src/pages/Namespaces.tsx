// One cluster of an app: the panel of its namespaces, and beside it the open one. A namespace that
// the cluster lacks can be added here.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Outlet, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { missingNamespaces } from "../api/presence";
import { appNamespaces, namespaceCounts, namespaceNames } from "../api/queries";
import { useMayCreate } from "../api/rights";
import { Main } from "../components/Main";
import { NamespacePanel } from "../components/NamespacePanel";
import { Empty, Failure } from "../components/States";
import { isIncomplete, lacksSigns, namespaceEntries, namespaceMarks } from "../state/namespaces";
import { MissingNamespace } from "./MissingNamespace";
import classes from "./Namespaces.module.css";

/** For more namespaces the items of all of them are not compared with what is published. */
const COUNTED = 200;

const route = getRouteApi("/in/a/$app/c/$env/$cluster");

export function Namespaces() {
  const { t } = useTranslation();
  const { app, env, cluster } = route.useParams();
  const { ns } = useParams({ strict: false });
  const { list } = route.useSearch();
  const navigate = route.useNavigate();
  const { query, entries, marks, hasNoSigns } = useNamespaces(app, env, cluster);
  const open = (ns: string) =>
    void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: { app, env, cluster, ns }, search: {} });
  const mayCreate = useMayCreate("Namespace", app) === true;
  const group = entries?.find(({ name }) => name === ns)?.group;
  return (
    <div className={classes.frame} data-open={ns !== undefined}>
      {query.isError && (
        <div className={classes.failure}>
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        </div>
      )}
      {entries && (
        <NamespacePanel {...{ app, env, cluster, ns, list, entries, marks, hasNoSigns, mayCreate }} onOpen={open} />
      )}
      {ns === undefined ? (
        <Main title={`${app} / ${env} / ${cluster}`} className={classes.main}>
          <h1 className="unseen">{`${env} / ${cluster}`}</h1>
          {entries && <Empty title={t("namespace.choose")} />}
        </Main>
      ) : group === "missing" ? (
        <MissingNamespace place={{ app, env, cluster, ns }} />
      ) : (
        <Outlet />
      )}
    </div>
  );
}

/** The names come first; what is hidden or missing, and the counts, follow. */
function useNamespaces(app: string, env: string, cluster: string) {
  const query = useQuery(namespaceNames(app, env, cluster));
  const list = query.data;
  const defined = useQuery(appNamespaces(app)).data;
  const missing = useQuery({
    ...missingNamespaces(app, env, cluster),
    enabled: list !== undefined && defined !== undefined && isIncomplete(list, defined),
  });
  const counted = useQuery({
    ...namespaceCounts(app, env, cluster),
    enabled: list !== undefined && list.length > 0 && list.length <= COUNTED,
  }).data;
  // Someone who may not ask what is missing sees those names as hidden.
  const absent = missing.isError ? NONE : missing.data;
  const entries = useMemo(
    () => list && namespaceEntries(app, list, defined ?? [], absent),
    [app, list, defined, absent],
  );
  const marks = useMemo(() => namespaceMarks(counted ?? []), [counted]);
  return { query, entries, marks, hasNoSigns: lacksSigns(counted ?? []) };
}

const NONE: string[] = [];
