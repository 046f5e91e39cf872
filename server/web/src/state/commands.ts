// Actions that the open page offers in the palette, as long as it is shown.
import { useEffect, useId } from "react";

export interface Command {
  /** Unique on its page. */
  id: string;
  label: string;
  keys?: string;
  run: () => void;
}

const offered = new Map<string, Command[]>();

export function useCommands(commands: Command[]): void {
  const page = useId();
  useEffect(() => {
    offered.set(page, commands);
  });
  useEffect(() => () => void offered.delete(page), [page]);
}

export function pageCommands(): Command[] {
  return [...offered.values()].flat();
}
