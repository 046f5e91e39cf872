// One write for several targets: runs it for each of them, records each outcome, and repeats only
// what failed.
import { useState } from "react";

export interface Outcome<Target> {
  target: Target;
  state: "running" | "done" | "failed";
  error?: unknown;
}

/** The writes run one after another, so that a slow environment receives one request at a time. */
export function useEach<Target, Result>(
  write: (target: Target) => Promise<Result>,
  onSettled?: (target: Target, result: Result | null) => void,
) {
  const [outcomes, setOutcomes] = useState<Outcome<Target>[]>([]);
  const isPending = outcomes.some(({ state }) => state === "running");

  const set = (outcome: Outcome<Target>) =>
    setOutcomes((old) => old.map((other) => (other.target === outcome.target ? outcome : other)));

  const runAll = async (targets: Target[]) => {
    for (const target of targets) {
      let result: Result | null = null;
      try {
        result = await write(target);
        set({ target, state: "done" });
      } catch (error) {
        set({ target, state: "failed", error });
      }
      onSettled?.(target, result);
    }
  };

  const run = (targets: Target[]) => {
    setOutcomes(targets.map((target) => ({ target, state: "running" })));
    return runAll(targets);
  };

  const retry = () => {
    const failed = outcomes.filter(({ state }) => state === "failed").map(({ target }) => target);
    setOutcomes((old) => old.map((o) => (o.state === "failed" ? { target: o.target, state: "running" } : o)));
    return runAll(failed);
  };

  return { outcomes, isPending, run, retry, reset: () => setOutcomes([]) };
}
