// What the user chose in any browser. Without the table of the portal, each browser keeps its own.
import { applyPrefs } from "../state/display";
import { applyLanguage, applyTheme } from "../state/prefs";
import type { Preferences } from "./bodies";
import { get, send } from "./client";

let sending: Promise<unknown> = Promise.resolve();

/** Shows what is stored, instead of what this browser keeps. The pages work without it. */
export async function showStored(): Promise<void> {
  try {
    const { language, theme, ...display } = (await get<Preferences>("preferences")) ?? {};
    applyPrefs(display);
    if (theme) applyTheme(theme);
    if (language) await applyLanguage(language);
  } catch {
    return;
  }
}

/** Nothing waits for it. In order, so that the last choice is the one that stays. */
export function keepChosen(chosen: Preferences): void {
  sending = sending.then(() => send("PUT", "preferences", chosen)).catch(() => undefined);
}
