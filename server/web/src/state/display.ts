// How the user wants pages shown and worked: row height, layout of differences, single-key shortcuts. Kept in this
// browser, without the layout of differences also by the portal; language and theme have their own stores (`prefs.ts`).
import { useSyncExternalStore } from "react";

import { chosen } from "./prefs";

export const DENSITIES = ["comfortable", "compact", "relaxed"] as const;
export type Density = (typeof DENSITIES)[number];

/** Height of a table row in pixels; style.css has the same as `--row`. */
export const ROW_HEIGHT: Record<Density, number> = { comfortable: 40, compact: 32, relaxed: 48 };

export interface Prefs {
  density: Density;
  shortcuts: boolean;
  /** Whether differences are shown below each other on wide screens too. */
  inlineDiff: boolean;
  /** Whether documents are compared by the paths of their values instead of their lines. */
  pathDiff: boolean;
}

const STORED_AS = "castalia.display";
const DEFAULTS: Prefs = { density: "comfortable", shortcuts: true, inlineDiff: false, pathDiff: false };

let prefs = load();
const listeners = new Set<() => void>();

export function readPrefs(): Prefs {
  return prefs;
}

export function setPrefs(change: Partial<Prefs>): void {
  applyPrefs(change);
  const { density, shortcuts } = change;
  if (density !== undefined) chosen({ density });
  if (shortcuts !== undefined) chosen({ shortcuts });
}

export function applyPrefs(change: Partial<Prefs>): void {
  prefs = checked({ ...prefs, ...change });
  document.documentElement.dataset.density = prefs.density;
  listeners.forEach((listener) => listener());
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(prefs));
  } catch {
    // Storage may be disabled; the choice then lasts as long as the tab.
  }
}

export function usePrefs(): Prefs {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, readPrefs);
}

/** Applies what is stored to the page. */
export function startDisplay(): void {
  document.documentElement.dataset.density = prefs.density;
}

function load(): Prefs {
  try {
    return checked(JSON.parse(localStorage.getItem(STORED_AS) ?? "{}") as Partial<Prefs>);
  } catch {
    return DEFAULTS;
  }
}

function checked({ density, shortcuts, inlineDiff, pathDiff }: Partial<Prefs>): Prefs {
  return {
    density: DENSITIES.find((known) => known === density) ?? DEFAULTS.density,
    shortcuts: shortcuts !== false,
    inlineDiff: inlineDiff === true,
    pathDiff: pathDiff === true,
  };
}
