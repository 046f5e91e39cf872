// Preview of a promotion against what the targets store now, then its outcome for each target.
import { Button } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { usePromote } from "../api/compare";
import { isStale } from "../api/errors";
import { draft } from "../api/queries";
import type { OpenNamespaceDTO } from "../api/bodies";
import { Blockable } from "../components/Blockable";
import { Dialog } from "../components/Dialog";
import { DiffView, type KeyChange } from "../components/DiffView";
import { EnvName, isProduction } from "../components/EnvSwitch";
import { ResultList } from "../components/ResultList";
import { Empty, Loaded, PageLoading } from "../components/States";
import type { Target } from "../components/TargetTree";
import { publishTarget } from "../routes/address";
import type { Promotion } from "../state/compare";
import { draftRows } from "../state/draft";
import { useEach } from "../state/each";
import classes from "./Compare.module.css";

interface Props {
  app: string;
  base: Target;
  changes: Promotion[];
  onClose: () => void;
  onDone: () => void;
}

const nameOf = ({ env, cluster, ns }: Promotion) => `${env} / ${cluster} / ${ns}`;

export function ComparePromote({ app, base, changes, onClose, onDone }: Props) {
  const { t } = useTranslation();
  const write = usePromote(app);
  const { outcomes, failed, isPending, run, retry, reset } = useEach(write);
  const [left, setLeft] = useState(changes);
  // The targets may have changed since they were compared.
  const stored = useQueries({
    queries: left.map(({ env, cluster, ns }) => ({
      ...draft({ app, env, cluster, ns }),
      staleTime: 0,
      refetchOnMount: "always" as const,
    })),
  });
  const envs = [...new Set(left.map(({ env }) => env))].join(", ");
  if (outcomes.length > 0) {
    // What was previewed is not what is stored any more, so that a retry would be refused again.
    const isOutdated = !isPending && outcomes.some(({ error }) => isStale(error));
    const previewAgain = () => {
      setLeft(left.filter((change) => failed.some((other) => nameOf(other) === nameOf(change))));
      stored.forEach((query) => void query.refetch());
      reset();
    };
    return (
      <Dialog title={t("promote.title", { from: base.env, to: envs })} size="xl" onClose={onClose}>
        <div className="stack">
          <ResultList
            outcomes={outcomes}
            name={nameOf}
            note={({ env, cluster, ns }) => (
              <Link to="/a/$app/publish" params={{ app }} search={{ t: publishTarget(env, cluster, ns) }}>
                {t("promote.review")}
              </Link>
            )}
            onRetry={isOutdated ? undefined : () => void retry()}
          />
          <p className="note">{t("promote.unpublished")}</p>
          <div className="row end">
            <Button variant="default" onClick={onClose} data-autofocus>
              {t("act.close")}
            </Button>
            {isOutdated && <Button onClick={previewAgain}>{t("promote.again")}</Button>}
          </div>
        </div>
      </Dialog>
    );
  }
  const deletions = left.reduce((sum, { deletes }) => sum + deletes.length, 0);
  return (
    <Dialog title={t("promote.title", { from: base.env, to: envs })} size="xl" onClose={onClose}>
      <div className="stack">
        <p>{t(isProduction(envs) ? "promote.aboutProduction" : "promote.about")}</p>
        {left.map((change, index) => (
          <section key={nameOf(change)} className="stack" aria-label={nameOf(change)}>
            <div className="row">
              <EnvName env={change.env} /> <span className="note">{change.cluster}</span> <b>{change.ns}</b>
            </div>
            {stored[index] && !stored[index].isFetching ? (
              <Loaded query={stored[index]}>{(namespace) => <Preview change={change} namespace={namespace} />}</Loaded>
            ) : (
              <PageLoading />
            )}
          </section>
        ))}
        {deletions > 0 && <p className="note">{t("promote.deletions", { count: deletions })}</p>}
        <div className={`row end ${classes.footer}`}>
          <Button variant="default" onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Blockable why={stored.some(({ isSuccess }) => !isSuccess) && t("why.targetUnread")}>
            <Button
              loading={isPending || stored.some(({ isFetching }) => isFetching)}
              onClick={() =>
                void run(left.map((change, index) => ({ ...change, revision: stored[index]?.data?.revision }))).then(
                  onDone,
                )
              }
              data-autofocus
            >
              {t("promote.act", { to: envs })}
            </Button>
          </Blockable>
        </div>
      </div>
    </Dialog>
  );
}

function Preview({ change, namespace }: { change: Promotion; namespace: OpenNamespaceDTO | null }) {
  const { t } = useTranslation();
  const stored = new Map(draftRows(namespace?.items ?? []).map((row) => [row.key, row.value]));
  const puts = change.puts.map(({ key, value }) => [key, value ?? ""] as const);
  const list = [...puts, ...change.deletes.map((key) => [key, null] as const)].flatMap(([key, after]): KeyChange[] => {
    const before = stored.get(key) ?? null;
    if (before === after) return [];
    return [{ key, before, after, state: before === null ? "added" : after === null ? "deleted" : "modified" }];
  });
  return list.length > 0 ? <DiffView ns={change.ns} changes={list} /> : <Empty title={t("promote.same")} />;
}
