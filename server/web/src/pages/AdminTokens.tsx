// The access tokens of all users, which super administrators may revoke and delete.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { allTokens } from "../api/tokens";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Empty, Loaded } from "../components/States";
import { TokenTable } from "../components/TokenTable";

const route = getRouteApi("/in/admin/tokens");

export function AdminTokens() {
  const { t } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const tokens = useQuery(allTokens);
  const word = q.toLowerCase();
  return (
    <Main title={t("admin.section.tokens")}>
      <div className="row">
        <h1>{t("admin.section.tokens")}</h1>
        <FilterField
          label={t("token.filter")}
          value={q}
          onChange={(text) => void navigate({ search: { q: text }, replace: true })}
        />
      </div>
      <Loaded query={tokens}>
        {(list) => {
          const found = list.filter(({ userId = "", name = "", status = "" }) =>
            `${userId} ${name} ${status}`.toLowerCase().includes(word),
          );
          if (found.length > 0) return <TokenTable tokens={found} />;
          return <Empty title={t(list.length > 0 ? "state.noMatch" : "token.noneAtAll")} />;
        }}
      </Loaded>
    </Main>
  );
}
