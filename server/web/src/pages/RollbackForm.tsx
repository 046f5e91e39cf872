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
import { draft, type Place } from "../api/queries";
import { useRights } from "../api/rights";
import { AFTERWARDS, lostBy, runSteps, setItems, steps, type Afterwards, type Plan, type Step } from "../api/rollback";
import { Blockable } from "../components/Blockable";
import { DiffView, type KeyChange } from "../components/DiffView";
import { Failure } from "../components/States";
import { useTogether } from "../state/each";
import { ConfirmRollback, ItemsSet, RolledBack } from "./RollbackEnd";
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
  // With the items that its dialog shows, although they are read again meanwhile.
  const [asked, setAsked] = useState<Plan | null>(null);
  const instances = useQuery(instanceCount(place)).data;
  const stored = useQuery(draft(place));
  const [rights] = useRights([place]);
  const { edit: mayEdit = false, publish: mayPublish = false } = rights ?? {};
  const cache = useQueryClient();
  const stale = [
    ["list", app, env, cluster],
    ["draft", app, env, cluster, ns],
    ["history", app, env, cluster, ns],
  ];
  const refresh = () => stale.map((queryKey) => cache.invalidateQueries({ queryKey }));
  const together = useTogether((list: Step[]) => runSteps(list).finally(refresh));
  const store = useAction(setItems, stale);
  const chosen = changes.filter(({ key }) => !dropped.includes(key));
  const isPartial = only !== undefined || chosen.length < changes.length;
  const how = isPartial ? "reset" : mayEdit ? afterwards : "keep";
  const items = how !== "keep" && stored.data ? { how, draft: stored.data } : null;
  const plan: Plan = { place, live, to: target.id, changes: chosen, items };
  const start = (plan: Plan) => {
    setAsked(null);
    if (isPartial) store.mutate(plan);
    else void together.run(steps(plan));
  };

  if (together.outcomes.length > 0) return <RolledBack {...{ place, together }} name={target.name} />;
  if (store.isSuccess) return <ItemsSet place={place} count={chosen.length} />;
  const whyNot =
    (chosen.length === 0 && t("why.noKeyChosen")) ||
    (!mayPublish && !isPartial && t("rollback.mayNot")) ||
    (how !== "keep" && !stored.isPending && !items && t("rollback.unread"));
  return (
    <div className={classes.columns}>
      <DiffView changes={chosen.length > 0 ? chosen : changes} ns={ns} />
      <div className={classes.side}>
        {instances !== undefined && <p>{t("rollback.instances", { count: instances })}</p>}
        {mayEdit && changes.length > 1 && <Keys {...{ changes, dropped }} onDrop={setDropped} />}
        {mayEdit && !isPartial && <AfterwardsChoice chosen={afterwards} onChoose={setAfterwards} />}
        {isPartial && <p className="note">{t("rollback.partly")}</p>}
        {how !== "keep" && stored.isError && <Failure error={stored.error} onRetry={() => void stored.refetch()} />}
        {store.error && <Failure error={store.error} />}
        {rights && !mayPublish && !isPartial && <p className="note">{t("rollback.mayNot")}</p>}
        <Blockable why={whyNot}>
          <Button
            size="md"
            leftSection={<IconArrowBackUp size={18} stroke={1.8} />}
            loading={store.isPending || !rights || (how !== "keep" && stored.isPending)}
            onClick={() => (isPartial && lostBy(plan).length === 0 ? start(plan) : setAsked(plan))}
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
      {asked && (
        <ConfirmRollback
          plan={asked}
          name={target.name}
          isPartial={isPartial}
          onConfirm={() => start(asked)}
          onClose={() => setAsked(null)}
        />
      )}
    </div>
  );
}

interface KeysProps {
  changes: KeyChange[];
  dropped: string[];
  onDrop: (keys: string[]) => void;
}

function Keys({ changes, dropped, onDrop }: KeysProps) {
  const { t } = useTranslation();
  return (
    <fieldset className={classes.choices}>
      <legend>{t("rollback.keys")}</legend>
      {changes.map(({ key }) => (
        <Checkbox
          key={key}
          label={<span className="mono">{key}</span>}
          checked={!dropped.includes(key)}
          onChange={(event) =>
            onDrop(event.currentTarget.checked ? dropped.filter((other) => other !== key) : [...dropped, key])
          }
        />
      ))}
    </fieldset>
  );
}

function AfterwardsChoice({ chosen, onChoose }: { chosen: Afterwards; onChoose: (choice: Afterwards) => void }) {
  const { t } = useTranslation();
  return (
    <fieldset className={classes.choices}>
      <legend>{t("rollback.afterwards")}</legend>
      {AFTERWARDS.map((choice) => (
        <label key={choice}>
          <input type="radio" name="afterwards" checked={chosen === choice} onChange={() => onChoose(choice)} />
          <span>
            {t(`rollback.after.${choice}`)} <small className="note">{t(`rollback.about.${choice}`)}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
