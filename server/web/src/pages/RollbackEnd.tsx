// The question before a rollback, with the unpublished changes that it would lose, and its results.
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { isStale } from "../api/errors";
import type { Place } from "../api/queries";
import { lostBy, type Plan, type Step } from "../api/rollback";
import { Confirm } from "../components/Confirm";
import { DiffView } from "../components/DiffView";
import { ResultList } from "../components/ResultList";
import { publishTarget } from "../routes/address";
import type { useTogether } from "../state/each";

interface QuestionProps {
  plan: Plan;
  /** Of the release to roll back to. */
  name: string;
  /** Whether only the items of single keys are set. */
  isPartial: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function ConfirmRollback({ plan, name, isPartial, onConfirm, onClose }: QuestionProps) {
  const { t } = useTranslation();
  const { env, ns } = plan.place;
  const lost = lostBy(plan);
  return (
    <Confirm
      title={t("rollback.title")}
      action={isPartial ? t("rollback.store", { count: plan.changes.length }) : t("rollback.act", { env })}
      size={lost.length > 0 ? "xl" : "md"}
      danger={lost.length > 0}
      write={{ isPending: false, error: null }}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      {!isPartial && <p>{t("rollback.confirm", { env, name })}</p>}
      {lost.length > 0 && (
        <>
          <p>{t("rollback.lost", { count: lost.length })}</p>
          <DiffView changes={lost} ns={ns} />
        </>
      )}
    </Confirm>
  );
}

interface ResultProps {
  place: Place;
  /** Of the release to roll back to. */
  name: string;
  together: ReturnType<typeof useTogether<Step>>;
}

export function RolledBack({ place, name, together: { outcomes, retry, reset } }: ResultProps) {
  const { t } = useTranslation();
  const { env } = place;
  // What was shown is not what is stored any more, so that a retry would be refused again.
  const isOutdated = outcomes.some(({ error }) => isStale(error));
  const isUndone = outcomes.every(({ state }) => state === "failed");
  return (
    <div className="stack">
      <ResultList
        outcomes={outcomes}
        name={({ what, plan }) =>
          what === "release"
            ? t("rollback.stepRelease", { env, name })
            : t(`rollback.after.${plan.items?.how ?? "keep"}`)
        }
        onRetry={isOutdated ? undefined : () => void retry()}
      />
      <div className="row">
        {isOutdated && isUndone && <Button onClick={reset}>{t("publish.again")}</Button>}
        <HistoryLink place={place} />
        {outcomes.every(({ target }) => !target.plan.items) && <ReviewLink place={place} variant="default" />}
      </div>
    </div>
  );
}

/** Only the items of this number of keys were set. */
export function ItemsSet({ place, count }: { place: Place; count: number }) {
  const { t } = useTranslation();
  return (
    <div className="stack">
      <p role="status">{t("rollback.stored", { count })}</p>
      <div className="row">
        <HistoryLink place={place} />
        <ReviewLink place={place} variant="filled" />
      </div>
    </div>
  );
}

function HistoryLink({ place: { app, ...at } }: { place: Place }) {
  const { t } = useTranslation();
  return (
    <Button
      variant="default"
      renderRoot={(props) => <Link {...props} to="/a/$app/history" params={{ app }} search={at} />}
    >
      {t("rollback.history")}
    </Button>
  );
}

function ReviewLink({ place, variant }: { place: Place; variant: "default" | "filled" }) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  return (
    <Button
      variant={variant}
      renderRoot={(props) => (
        <Link {...props} to="/a/$app/publish" params={{ app }} search={{ t: publishTarget(env, cluster, ns) }} />
      )}
    >
      {t("promote.review")}
    </Button>
  );
}
