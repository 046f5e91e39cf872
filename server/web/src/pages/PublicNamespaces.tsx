// The public namespaces of all apps, which other apps may associate.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenAppNamespaceDTO } from "../api/bodies";
import { useBoot } from "../api/queries";
import { publicNamespaces } from "../api/search";
import { AppTabs } from "../components/AppTabs";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Empty, Loaded } from "../components/States";
import { VirtualTable, type Column } from "../components/VirtualTable";
import { containsWords } from "../text/paletteQuery";

const route = getRouteApi("/in/public");

export function PublicNamespaces() {
  const { t } = useTranslation();
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(publicNamespaces);
  const show = (q: string | undefined) => void navigate({ search: { q }, replace: true });
  return (
    <Main title={t("publicNamespaces.title")} className="page fixed">
      <div className="row head">
        <h1>{t("publicNamespaces.title")}</h1>
      </div>
      <div className="row">
        <AppTabs />
        <FilterField label={t("publicNamespaces.filter")} value={q ?? ""} onChange={show} />
      </div>
      <p className="note">{t("publicNamespaces.help")}</p>
      <Loaded query={query}>
        {(all) => {
          const found = all.filter((one) => containsWords([one.name, one.appId, one.comment].join("\n"), q ?? ""));
          return found.length > 0 ? (
            <Rows rows={found} />
          ) : (
            <Empty title={t(all.length > 0 ? "state.noMatch" : "publicNamespaces.none")}>
              {all.length > 0 && (
                <Button variant="default" onClick={() => show(undefined)}>
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

function Rows({ rows }: { rows: OpenAppNamespaceDTO[] }) {
  const { t } = useTranslation();
  const [env = ""] = useBoot().envs;
  const columns: Column<OpenAppNamespaceDTO>[] = [
    {
      name: t("publicNamespaces.name"),
      width: 3,
      cell: ({ appId: app, name: ns }) => (
        <Link to="/a/$app/c/$env/$cluster/$ns" params={{ app, env, cluster: "default", ns }}>
          {ns}
        </Link>
      ),
    },
    { name: t("publicNamespaces.app"), width: 2, cell: ({ appId }) => <span className="mono">{appId}</span> },
    { name: t("publicNamespaces.format"), width: 1, cell: ({ format = "properties" }) => format },
    { name: t("item.comment"), width: 3, cell: ({ comment }) => comment },
  ];
  return (
    <VirtualTable
      label={t("publicNamespaces.title")}
      columns={columns}
      rows={rows}
      rowKey={({ appId, name }) => `${appId}/${name}`}
    />
  );
}
