// Single-key shortcuts and sequences such as `g h`: outside of inputs, and unless the user has
// switched them off.
import { useEffect, useLayoutEffect, useRef } from "react";

import { readPrefs } from "./display";

const SEQUENCE_MS = 1200;
const TEXT_FIELDS = "input, textarea, select, [contenteditable=true], [role=dialog], [role=menu]";

export type Shortcuts = Record<string, () => void>;

/**
 * Runs the action of a key ("n", "?", "Shift+E") or of a sequence ("g h") as long as the component
 * is shown.
 */
export function useShortcuts(shortcuts: Shortcuts): void {
  const current = useRef(shortcuts);
  // With the page, not after its paint: a key that the user sees works.
  useLayoutEffect(() => {
    current.current = shortcuts;
  });
  useEffect(() => {
    let first = { key: "", at: 0 };
    const press = (event: KeyboardEvent) => {
      if (!readPrefs().shortcuts || event.defaultPrevented || !isPlain(event)) return;
      const key = keyName(event);
      const sequence = event.timeStamp - first.at < SEQUENCE_MS ? `${first.key} ${key}` : key;
      const action = current.current[sequence] ?? current.current[key];
      first = { key, at: event.timeStamp };
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

/** "E" with Shift is `Shift+E`; signs such as `?` are themselves, on every keyboard layout. */
export function keyName({ key, shiftKey }: Pick<KeyboardEvent, "key" | "shiftKey">): string {
  return shiftKey && /^[a-z]$/i.test(key) ? `Shift+${key.toUpperCase()}` : key;
}

function isPlain(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  return !(target instanceof Element && target.closest(TEXT_FIELDS));
}
