// The changes of a rollback with its choices, and the rollback step by step.
import { Button, Checkbox } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenReleaseDTO } from "../api/bodies";
import { instanceCount } from "../api/history";
import { useRights } from "../api/rights";
import { AFTERWARDS, runSteps, steps, storeValues, type Afterwards, type Plan, type Step } from "../api/rollback";
import type { Place } from "../api/queries";
import { Blockable } from "../parts/Blockable";
import { Confirm } from "../parts/Confirm";
import { DiffView, type KeyChange } from "../parts/DiffView";
import { ResultList } from "../parts/ResultList";
import { Failure } from "../parts/States";
import { publishTarget } from "../routes/address";
import { useTogether } from "../state/each";
import classes from "./Publish.module.css";

interface Props {
  place: Place;
  live: number;
  target: OpenReleaseDTO;
  changes: KeyChange[];
  /** For a rollback of single keys: those that are chosen at first. */
  only?: string[] | undefined;
}

export function RollbackForm({ place, live, target, changes, only }: Props) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  const [dropped, setDropped] = useState<string[]>(() =>
    only ? changes.map(({ key }) => key).filter((key) => !only.includes(key)) : [],
  );
  const [afterwards, setAfterwards] = useState<Afterwards>("reset");
  const [asking, setAsking] = useState(false);
  const instances = useQuery(instanceCount(place)).data;
  const [rights] = useRights([place]);
  const { edit: mayEdit = false, publish: mayPublish = false } = rights ?? {};
  const cache = useQueryClient();
  const stale = [
    ["list", app, env, cluster],
    ["draft", app, env, cluster, ns],
    ["history", app, env, cluster, ns],
  ];
  const refresh = () => stale.map((queryKey) => cache.invalidateQueries({ queryKey }));
  const plan: Plan = { place, live, to: target.id, changes, afterwards: mayEdit ? afterwards : "keep" };
  const { outcomes, run, retry } = useTogether((list: Step[]) => runSteps(plan, list).finally(refresh));
  const chosen = changes.filter(({ key }) => !dropped.includes(key));
  const store = useAction(() => storeValues(place, chosen), stale);
  const isPartial = only !== undefined || chosen.length < changes.length;

  if (outcomes.length > 0 || store.isSuccess) {
    return (
      <div className="stack">
        {outcomes.length > 0 ? (
          <ResultList
            outcomes={outcomes}
            name={({ what }) =>
              what === "release"
                ? t("rollback.stepRelease", { env, name: target.name })
                : t(`rollback.after.${afterwards}`)
            }
            onRetry={() => void retry()}
          />
        ) : (
          <p role="status">{t("rollback.stored", { count: chosen.length })}</p>
        )}
        <div className="row">
          <Button
            variant="default"
            renderRoot={(props) => (
              <Link {...props} to="/a/$app/history" params={{ app }} search={{ env, cluster, ns }} />
            )}
          >
            {t("rollback.history")}
          </Button>
          {(store.isSuccess || plan.afterwards === "keep") && (
            <Button
              variant={store.isSuccess ? "filled" : "default"}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/a/$app/publish"
                  params={{ app }}
                  search={{ t: publishTarget(env, cluster, ns) }}
                />
              )}
            >
              {t("promote.review")}
            </Button>
          )}
        </div>
      </div>
    );
  }
  return (
    <div className={classes.columns}>
      <DiffView changes={chosen.length > 0 ? chosen : changes} ns={ns} />
      <div className={classes.side}>
        {instances !== undefined && <p>{t("rollback.instances", { count: instances })}</p>}
        {mayEdit && changes.length > 1 && (
          <fieldset className={classes.choices}>
            <legend>{t("rollback.keys")}</legend>
            {changes.map(({ key }) => (
              <Checkbox
                key={key}
                label={<span className="mono">{key}</span>}
                checked={!dropped.includes(key)}
                onChange={(event) =>
                  setDropped(event.currentTarget.checked ? dropped.filter((other) => other !== key) : [...dropped, key])
                }
              />
            ))}
          </fieldset>
        )}
        {mayEdit && !isPartial && (
          <fieldset className={classes.choices}>
            <legend>{t("rollback.afterwards")}</legend>
            {AFTERWARDS.map((choice) => (
              <label key={choice}>
                <input
                  type="radio"
                  name="afterwards"
                  checked={afterwards === choice}
                  onChange={() => setAfterwards(choice)}
                />
                <span>
                  {t(`rollback.after.${choice}`)} <small className="note">{t(`rollback.about.${choice}`)}</small>
                </span>
              </label>
            ))}
          </fieldset>
        )}
        {isPartial && <p className="note">{t("rollback.partly")}</p>}
        {store.error && <Failure error={store.error} />}
        {rights && !mayPublish && !isPartial && <p className="note">{t("rollback.mayNot")}</p>}
        <Blockable why={chosen.length === 0 ? t("why.noKeyChosen") : !mayPublish && !isPartial && t("rollback.mayNot")}>
          <Button
            size="md"
            leftSection={<IconArrowBackUp size={18} stroke={1.8} />}
            loading={store.isPending || !rights}
            onClick={() => (isPartial ? store.mutate(undefined) : setAsking(true))}
          >
            {isPartial ? t("rollback.store", { count: chosen.length }) : t("rollback.act", { env })}
          </Button>
        </Blockable>
        <Button
          variant="default"
          renderRoot={(props) => (
            <Link {...props} to="/a/$app/history" params={{ app }} search={{ env, cluster, ns }} />
          )}
        >
          {t("act.cancel")}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={t("rollback.title")}
          action={t("rollback.act", { env })}
          write={{ isPending: false, error: null }}
          onConfirm={() => {
            setAsking(false);
            void run(steps(plan));
          }}
          onClose={() => setAsking(false)}
        >
          <p>{t("rollback.confirm", { env, name: target.name })}</p>
        </Confirm>
      )}
    </div>
  );
}
