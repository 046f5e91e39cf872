// Preferences kept in this browser: the language here, the theme in Mantine's own store under the name below.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

export const THEME_KEY = "castalia.theme";
/** Suppressing them would write a style element, which the content policy forbids. */
export const KEEP_TRANSITIONS = { keepTransitions: true };
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

export async function setLanguage(language: Language): Promise<void> {
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
