// The lists of the start page: own, pinned and recent apps, those of the team, all apps, public namespaces.
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

export function AppTabs() {
  const { t } = useTranslation();
  const exact = { activeOptions: { exact: true, includeSearch: true } };
  return (
    <nav className="tabs" aria-label={t("home.which")}>
      {([undefined, "pinned", "recent", "team"] as const).map((tab) => (
        <Link
          key={tab ?? "mine"}
          to="/"
          search={({ q }) => ({ tab, q })}
          title={tab === "team" ? t("home.teamTip") : undefined}
          {...exact}
        >
          {t(`home.${tab ?? "mine"}`)}
        </Link>
      ))}
      <Link to="/browse" search={({ q }) => ({ q })}>
        {t("home.all")}
      </Link>
      <Link to="/public">{t("home.public")}</Link>
    </nav>
  );
}
