// The keys of the access matrix: arrows move between the boxes, `e` and `p` switch a right of the cell, `w` asks
// why a person has it.
import type { KeyboardEvent } from "react";

import { readPrefs } from "../state/display";

const LETTERS: Record<string, string> = { e: "edit", p: "publish" };

export function onMatrixKey(event: KeyboardEvent<HTMLElement>, onWhy: (cell: HTMLElement) => void): void {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof HTMLElement)) return;
  const cell = target.closest<HTMLElement>("[data-cell]");
  if (!cell) return;
  const isLetter = key === "w" || key in LETTERS;
  if (isLetter && !readPrefs().shortcuts) return;
  if (key === "w") onWhy(cell);
  else if (key in LETTERS) cell.querySelector<HTMLElement>(`[data-right=${LETTERS[key]}]`)?.click();
  else if (!move(event.currentTarget, target, key)) return;
  event.preventDefault();
}

/** To the next box of the row, or to the same one of the next person. Returns whether the key is an arrow. */
function move(matrix: HTMLElement, from: HTMLElement, key: string): boolean {
  const rows = [...matrix.querySelectorAll("tr")].map((row) => [...row.querySelectorAll<HTMLElement>("[data-right]")]);
  const row = rows.findIndex((boxes) => boxes.includes(from));
  const at = rows[row]?.indexOf(from) ?? -1;
  const steps: Record<string, HTMLElement | undefined> = {
    ArrowLeft: rows[row]?.[at - 1],
    ArrowRight: rows[row]?.[at + 1],
    ArrowUp: rows[row - 1]?.[at],
    ArrowDown: rows[row + 1]?.[at],
  };
  if (row < 0 || !(key in steps)) return false;
  steps[key]?.focus();
  return true;
}
