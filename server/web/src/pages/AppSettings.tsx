// Settings of an app, in sections.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { envClusters } from "../api/queries";
import { Main } from "../components/Main";
import { Loaded } from "../components/States";
import classes from "./AppSettings.module.css";
import { SettingsClusters } from "./SettingsClusters";
import { SettingsDanger } from "./SettingsDanger";
import { SettingsDeleted } from "./SettingsDeleted";
import { SettingsGeneral } from "./SettingsGeneral";
import { SettingsKeys } from "./SettingsKeys";
import { SettingsNamespaces } from "./SettingsNamespaces";
import { SettingsTransfer } from "./SettingsTransfer";

const route = getRouteApi("/in/a/$app/settings/$section");

const SECTIONS = {
  general: SettingsGeneral,
  clusters: SettingsClusters,
  namespaces: SettingsNamespaces,
  keys: SettingsKeys,
  transfer: SettingsTransfer,
  deleted: SettingsDeleted,
  danger: SettingsDanger,
};
type Section = keyof typeof SECTIONS;
const NAMES = Object.keys(SECTIONS) as Section[];

export function AppSettings() {
  const { t } = useTranslation();
  const { app, section } = route.useParams();
  const places = useQuery(envClusters(app));
  const chosen = NAMES.find((name) => name === section) ?? "general";
  const Content = SECTIONS[chosen];
  return (
    <Main title={t(`settings.${chosen}.title`)} className={classes.page}>
      <nav aria-label={t("settings.sections")} className={classes.nav}>
        {NAMES.map((name) => (
          <Link key={name} to="/a/$app/settings/$section" params={{ app, section: name }}>
            {t(`settings.${name}.title`)}
          </Link>
        ))}
      </nav>
      <div className={classes.content}>
        <h1>{t(`settings.${chosen}.title`)}</h1>
        <Loaded query={places}>{(list) => <Content key={chosen} app={app} places={list} />}</Loaded>
      </div>
    </Main>
  );
}
