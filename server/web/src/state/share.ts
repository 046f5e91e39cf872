// What the open page shows beyond its address, so that a link to the view shows the same: filters
// outside the address, and what is selected.
import { useEffect, useId } from "react";

/** By the name of a parameter of the address; undefined removes it. */
type Shown = Record<string, string | undefined>;

/** Longer addresses are refused by some proxies. */
const LENGTH = 6000;
const ALL = "*";

const shown = new Map<string, Shown>();

export function useShared(parameters: Shown): void {
  const part = useId();
  useEffect(() => {
    shown.set(part, parameters);
  });
  useEffect(() => () => void shown.delete(part), [part]);
}

export interface SharedLink {
  href: string;
  /** Whether it lacks what is selected, which would be too long. */
  isShortened: boolean;
}

/** The link to what is shown now. */
export function sharedLink(address: string): SharedLink {
  const url = new URL(address);
  for (const [name, value] of [...shown.values()].flatMap(Object.entries)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value as string);
  }
  const isShortened = url.href.length > LENGTH;
  if (isShortened) url.searchParams.delete("sel");
  return { href: url.href, isShortened };
}

/** The selected ones as a parameter `sel`: all are one sign, however many they are. */
export function selectionText(selected: string[], all: string[]): string | undefined {
  if (selected.length === 0) return undefined;
  return selected.length > 1 && selected.length === all.length ? ALL : selected.join("\n");
}

export function selectionOf(text: string | undefined, all: string[]): string[] {
  if (text === ALL && all.length > 1) return all;
  const wanted = new Set(text?.split("\n"));
  return all.filter((one) => wanted.has(one));
}
