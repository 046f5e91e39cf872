// One write for several targets: records the outcome for each of them, and repeats only what failed.
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
  return useOutcomes<Target>(async (targets, set) => {
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
  });
}

/**
 * One request for all targets, or for at most so many at a time, one after another; it returns an error, or null, for
 * each of them.
 */
export function useTogether<Target>(write: (targets: Target[]) => Promise<unknown[]>, most = Infinity) {
  return useOutcomes<Target>(async (targets, set) => {
    for (let from = 0; from < targets.length; from += most) {
      const some = targets.slice(from, from + most);
      const errors = await write(some).catch((error: unknown) => some.map(() => error));
      some.forEach((target, at) => {
        const error = errors[at];
        set(error === null ? { target, state: "done" } : { target, state: "failed", error });
      });
    }
  });
}

function useOutcomes<Target>(settle: (targets: Target[], set: (outcome: Outcome<Target>) => void) => Promise<void>) {
  const [outcomes, setOutcomes] = useState<Outcome<Target>[]>([]);
  const isPending = outcomes.some(({ state }) => state === "running");
  const failed = outcomes.filter(({ state }) => state === "failed").map(({ target }) => target);

  /** Returns the targets whose write failed. */
  const settled = async (targets: Target[]) => {
    const left: Target[] = [];
    await settle(targets, (outcome) => {
      if (outcome.state === "failed") left.push(outcome.target);
      setOutcomes((old) => old.map((other) => (other.target === outcome.target ? outcome : other)));
    });
    return left;
  };

  const run = (targets: Target[]) => {
    setOutcomes(targets.map((target) => ({ target, state: "running" })));
    return settled(targets);
  };

  /** Repeats what failed, or a part of it. */
  const retry = (again = failed) => {
    const isLeft = ({ target, state }: Outcome<Target>) => state !== "failed" || again.includes(target);
    setOutcomes((old) =>
      old.filter(isLeft).map((o) => (o.state === "failed" ? { target: o.target, state: "running" } : o)),
    );
    return settled(again);
  };

  return { outcomes, failed, isPending, run, retry, reset: () => setOutcomes([]) };
}
