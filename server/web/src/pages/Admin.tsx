// Frame of the administration: its sections at the left; only for super administrators.
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useBoot } from "../api/queries";
import { rootRight } from "../api/users";
import { Main } from "../components/Main";
import { Empty, Failure, PageLoading } from "../components/States";
import classes from "./Admin.module.css";

export const SECTIONS = [
  "users",
  "roles",
  "consumers",
  "tokens",
  "settings",
  "health",
  "audit",
  "webhooks",
  "deleted",
] as const;

export function Admin() {
  const { t } = useTranslation();
  const { user } = useBoot();
  const root = useQuery(rootRight(user.userId));
  if (root.data !== true) {
    return (
      <Main title={t("admin.title")}>
        <h1>{t("admin.title")}</h1>
        {root.isError ? (
          <Failure error={root.error} onRetry={() => void root.refetch()} />
        ) : root.data === false ? (
          <Empty title={t("admin.noRight")} />
        ) : (
          <PageLoading />
        )}
      </Main>
    );
  }
  return (
    <div className={classes.frame}>
      <nav className={`sideways ${classes.nav}`} aria-label={t("admin.title")}>
        {SECTIONS.map((section) => (
          <Link key={section} to={`/admin/${section}`}>
            {t(`admin.section.${section}`)}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
