// Language and theme. This browser keeps them for the pages before the sign-in, the theme in Mantine's own store; the
// portal keeps for other browsers what the user chooses.
import {
  localStorageColorSchemeManager,
  useMantineColorScheme,
  type MantineColorScheme,
  type MantineColorSchemeManager,
} from "@mantine/core";
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import type { Preferences } from "../api/bodies";

/** Suppressing them would write a style element, which the content policy forbids. */
const KEEP_TRANSITIONS = { keepTransitions: true };
const THEME_KEY = "castalia.theme";
const LANGUAGE_KEY = "castalia.language";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

const TEXTS = { en: () => import("../i18n/en.json"), zh: () => import("../i18n/zh.json") };

/** The chosen language, else the browser's first one that exists here. */
export function preferredLanguage(stored: string | null, wanted: readonly string[]): Language {
  const known = [stored ?? "", ...wanted].map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((tag): tag is Language => tag in LANGUAGES) ?? "en";
}

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({ interpolation: { escapeValue: false }, returnNull: false });
  await show(preferredLanguage(stored(), navigator.languages));
}

let report: (chosen: Preferences) => void = () => undefined;

/** Sets what happens with what the user chooses. */
export function onChosen(keep: (chosen: Preferences) => void): void {
  report = keep;
}

export function chosen(change: Preferences): void {
  report(change);
}

export async function setLanguage(language: Language): Promise<void> {
  await applyLanguage(language);
  chosen({ language });
}

export async function applyLanguage(language: Language): Promise<void> {
  await show(language);
  try {
    localStorage.setItem(LANGUAGE_KEY, language);
  } catch {
    // Storage may be disabled; the choice then lasts as long as the tab.
  }
}

async function show(language: Language): Promise<void> {
  const texts = await TEXTS[language]();
  i18next.addResourceBundle(language, "translation", texts.default);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

function stored(): string | null {
  try {
    return localStorage.getItem(LANGUAGE_KEY);
  } catch {
    return null;
  }
}

const stores = localStorageColorSchemeManager({ key: THEME_KEY });

/** Changes the theme and stores it. */
export let applyTheme: (theme: MantineColorScheme) => void = stores.set;

export const themeManager: MantineColorSchemeManager = {
  ...stores,
  subscribe: (onUpdate) => {
    applyTheme = onUpdate;
    stores.subscribe(onUpdate);
  },
};

export function useTheme() {
  const { colorScheme, setColorScheme } = useMantineColorScheme(KEEP_TRANSITIONS);
  const setTheme = (theme: MantineColorScheme) => {
    setColorScheme(theme);
    chosen({ theme });
  };
  return { theme: colorScheme, setTheme };
}
