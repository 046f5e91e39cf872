// The outcome of one write for each of its targets, with the reason of each failure.
import { Button } from "@mantine/core";
import { IconAlertTriangleFilled, IconCircleCheckFilled, IconLoader2, IconRefresh } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError, errorKind } from "../api/errors";
import type { Outcome } from "../state/each";
import classes from "./ResultList.module.css";

interface Props<Target> {
  outcomes: Outcome<Target>[];
  /** Names the target; must be unique in the list. */
  name: (target: Target) => string;
  /** What is shown instead of the name, and after it. */
  label?: (target: Target) => ReactNode;
  note?: (target: Target) => ReactNode;
  /** Repeats what failed. */
  onRetry?: () => void;
}

export function ResultList<Target>({ outcomes, name, label = name, note, onRetry }: Props<Target>) {
  const { t } = useTranslation();
  const count = (state: Outcome<Target>["state"]) => outcomes.filter((outcome) => outcome.state === state).length;
  const [done, failed, running] = [count("done"), count("failed"), count("running")];
  return (
    <section className={`sheet ${classes.results}`} aria-label={t("results.title")}>
      <div className={classes.head}>
        <b role="status">
          {t("results.done", { count: done, total: outcomes.length })}
          {failed > 0 && `, ${t("results.failed", { count: failed })}`}
        </b>
        {failed > 0 && running === 0 && onRetry && (
          <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={onRetry}>
            {t("results.retry")}
          </Button>
        )}
      </div>
      <ul>
        {outcomes.map(({ target, state, error }) => (
          <li key={name(target)} data-state={state}>
            <Verdict state={state} />
            <span className={classes.label}>{label(target)}</span>
            <span className={classes.note}>{state === "failed" ? <Reason error={error} /> : note?.(target)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Verdict({ state }: Pick<Outcome<unknown>, "state">) {
  const { t } = useTranslation();
  const Icon = { running: IconLoader2, done: IconCircleCheckFilled, failed: IconAlertTriangleFilled }[state];
  return (
    <span className={classes.verdict}>
      <Icon size={16} aria-hidden />
      {t(`results.state.${state}`)}
    </span>
  );
}

function Reason({ error }: { error: unknown }) {
  const { t } = useTranslation();
  const message = error instanceof ApiError ? error.message : String(error);
  return (
    <>
      {t(`error.${errorKind(error)}.what`)} {message && <span className="wrap">{message}</span>}
    </>
  );
}
