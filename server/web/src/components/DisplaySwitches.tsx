// Language and theme, in the top bar and on the sign-in page.
import { ActionIcon, Tooltip, useComputedColorScheme } from "@mantine/core";
import { IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { LANGUAGES, setLanguage, useTheme } from "../state/prefs";

export function DisplaySwitches() {
  const { t, i18n } = useTranslation();
  const { setTheme } = useTheme();
  const dark = useComputedColorScheme("light") === "dark";
  const other = i18n.language === "zh" ? "en" : "zh";
  const theme = t(dark ? "display.light" : "display.dark");
  const Sign = dark ? IconMoon : IconSun;
  return (
    <>
      <Tooltip label={LANGUAGES[other]}>
        <ActionIcon
          variant="subtle"
          size="lg"
          aria-label={LANGUAGES[other]}
          lang={other}
          onClick={() => void setLanguage(other)}
        >
          <IconLanguage size={18} stroke={1.8} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={theme}>
        <ActionIcon variant="subtle" size="lg" aria-label={theme} onClick={() => setTheme(dark ? "light" : "dark")}>
          <Sign size={18} stroke={1.8} />
        </ActionIcon>
      </Tooltip>
    </>
  );
}
