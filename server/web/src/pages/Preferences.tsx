// What one person sets: language, theme, row height, single-key shortcuts.
import { Checkbox, SegmentedControl } from "@mantine/core";
import { useId, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Main } from "../components/Main";
import { DENSITIES, setPrefs, usePrefs } from "../state/display";
import { LANGUAGES, setLanguage, useTheme, type Language } from "../state/prefs";
import classes from "./Preferences.module.css";

const THEMES = ["auto", "light", "dark"] as const;

export function Preferences() {
  const { t, i18n } = useTranslation();
  const { theme, setTheme } = useTheme();
  const { density, shortcuts } = usePrefs();
  return (
    <Main title={t("prefs.title")} className="page narrow">
      <h1>{t("prefs.title")}</h1>
      <div className="card stack">
        <Choice label={t("prefs.language")}>
          <SegmentedControl
            data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
            value={i18n.language}
            onChange={(value) => void setLanguage(value as Language)}
          />
        </Choice>
        <Choice label={t("prefs.theme")}>
          <SegmentedControl
            data={THEMES.map((value) => ({ value, label: t(`prefs.themes.${value}`) }))}
            value={theme}
            onChange={(value) => setTheme(value)}
          />
        </Choice>
        <Choice label={t("prefs.density")}>
          <SegmentedControl
            data={DENSITIES.map((value) => ({ value, label: t(`prefs.densities.${value}`) }))}
            value={density}
            onChange={(value) => setPrefs({ density: value })}
          />
        </Choice>
        <Checkbox
          label={t("prefs.shortcuts")}
          description={t("prefs.shortcutsHelp")}
          checked={shortcuts}
          onChange={(event) => setPrefs({ shortcuts: event.currentTarget.checked })}
        />
      </div>
      <p className="note">{t("prefs.kept")}</p>
    </Main>
  );
}

function Choice({ label, children }: { label: string; children: ReactNode }) {
  const id = useId();
  return (
    <div className={classes.choice} role="group" aria-labelledby={id}>
      <span id={id}>{label}</span>
      {children}
    </div>
  );
}
