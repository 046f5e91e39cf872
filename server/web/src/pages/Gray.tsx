// The gray release of a namespace in four steps: change, audience, observe, release to all or abandon.
import { Button } from "@mantine/core";
import { IconCheck, IconGitBranch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { branch, grayState, staleGray, startGray, type GrayState } from "../api/gray";
import { draft, useBoot, type Draft, type Place } from "../api/queries";
import { ownRights, type OwnRights } from "../api/roles";
import { EnvName } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { NoRight } from "../components/NoRight";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { Failure, Loaded, PageLoading } from "../components/States";
import { currentStep, grayFacts, STEPS, type GrayFacts, type Step } from "../state/gray";
import { useShortcuts } from "../state/keys";
import classes from "./Gray.module.css";
import { GrayAudience } from "./GrayAudience";
import { GrayChange } from "./GrayChange";
import { GrayFinish } from "./GrayFinish";
import { GrayObserve } from "./GrayObserve";
import { isDocument, NamespaceTabs } from "./NamespaceTabs";

const route = getRouteApi("/in/a/$app/c/$env/$cluster/$ns/gray");
const OBSERVED_MS = 3000;

export function Gray() {
  const { t } = useTranslation();
  const place = route.useParams();
  const { user } = useBoot();
  const master = useQuery(draft(place));
  const open = useQuery(branch(place));
  const rights = useQuery(ownRights(place, user.userId));
  return (
    <Main title={`${t("gray.title")} ${place.ns} / ${place.env}`} className={classes.page}>
      <div className={classes.head}>
        <h1>{place.ns}</h1>
        <EnvName env={place.env} />
        <StateChip state="gray" />
        {open.data && (
          <span className="note">
            <Since
              by={t("gray.startedBy", {
                name: open.data.dataChangeCreatedByDisplayName ?? open.data.dataChangeCreatedBy,
              })}
              time={open.data.dataChangeCreatedTime}
            />
          </span>
        )}
      </div>
      {master.data && <NamespaceTabs place={place} isDocument={isDocument(master.data)} />}
      <Loaded query={master}>
        {(namespace) =>
          namespace === null || namespace.extendInfo?.isConfigHidden ? (
            <p className="empty">{t("namespace.hidden")}</p>
          ) : (
            <Loaded query={open}>
              {(branched) =>
                branched === null ? (
                  <Loaded query={rights}>
                    {(rights) => <Start place={place} rights={rights} isLive={(namespace.items ?? []).length > 0} />}
                  </Loaded>
                ) : (
                  // What is entered belongs to this gray release, not to a later one of the namespace.
                  <Stepper key={branched.clusterName} place={place} master={namespace} branched={branched} />
                )
              }
            </Loaded>
          )
        }
      </Loaded>
    </Main>
  );
}

function Start({ place, rights, isLive }: { place: Place; rights: OwnRights; isLive: boolean }) {
  const { t } = useTranslation();
  const navigate = route.useNavigate();
  const start = useAction(
    () => startGray(place),
    staleGray(place),
    () => void navigate({ search: { step: "change" } }),
  );
  return (
    <section className={`card ${classes.start}`} aria-labelledby="gray-start">
      <h2 id="gray-start">{t("gray.start.title")}</h2>
      <ol>
        <li>{t("gray.start.change")}</li>
        <li>{t("gray.start.audience")}</li>
        <li>{t("gray.start.finish")}</li>
      </ol>
      {!isLive && <p className="note">{t("gray.start.empty")}</p>}
      {start.error && <Failure error={start.error} />}
      {!rights.edit ? (
        <NoRight rights={rights} needed={t("gray.needEdit")} request={{ at: place, missing: ["edit"] }} />
      ) : (
        <div>
          <Button
            leftSection={<IconGitBranch size={18} stroke={1.8} />}
            loading={start.isPending}
            onClick={() => start.mutate(undefined)}
          >
            {t("gray.start.act")}
          </Button>
        </div>
      )}
    </section>
  );
}

interface StepperProps {
  place: Place;
  master: Draft;
  branched: Draft;
}

function Stepper({ place, master, branched }: StepperProps) {
  const { step: chosen } = route.useSearch();
  const navigate = route.useNavigate();
  const name = branched.clusterName;
  const { user } = useBoot();
  // Of an address without a step: what others do, or a save, must not replace the step in which the user is typing.
  const [opened, setOpened] = useState<Step | null>(null);
  // Read together with the state of the gray release.
  const rights = useQuery(ownRights(place, user.userId));
  const state = useQuery({
    ...grayState(place, name),
    refetchInterval: ({ state: { data } }) => (data?.release ? OBSERVED_MS : false),
  });
  const facts = state.data && grayFacts(master, branched, state.data);
  const go = (step: Step) => void navigate({ search: { step } });
  useShortcuts(Object.fromEntries(STEPS.map((step, index) => [String(index + 1), () => go(step)])));
  if (state.error && !state.data) return <Failure error={state.error} onRetry={() => void state.refetch()} />;
  if (rights.error && !rights.data) return <Failure error={rights.error} onRetry={() => void rights.refetch()} />;
  if (!state.data || !facts || !rights.data) return <PageLoading />;
  const step = chosen ?? opened ?? currentStep(facts);
  const kept = chosen ? null : step;
  if (opened !== kept) setOpened(kept);
  const { revision } = branched;
  const parts = { place, name, revision, facts, state: state.data, rights: rights.data, master, go };
  return (
    <>
      <Steps at={step} place={place} facts={facts} state={state.data} />
      {state.error && <Failure error={state.error} onRetry={() => void state.refetch()} />}
      {step === "change" && <GrayChange {...parts} />}
      {step === "audience" && <GrayAudience {...parts} />}
      {step === "observe" && <GrayObserve {...parts} />}
      {step === "finish" && <GrayFinish {...parts} />}
    </>
  );
}

function Steps({ at, place, facts, state }: { at: Step; place: Place; facts: GrayFacts; state: GrayState }) {
  const { t } = useTranslation();
  const done = { change: facts.changes > 0, audience: facts.rules > 0, observe: facts.isPublished, finish: false };
  const notes: Record<Step, string> = {
    change: t("gray.step.changeNote", { count: facts.changes }),
    audience: facts.rules > 0 ? t("gray.step.audienceNote", { count: facts.rules }) : t("gray.step.noAudience"),
    observe: facts.isPublished
      ? t("gray.step.observeNote", { count: state.onGray.total })
      : t("gray.step.notPublished"),
    finish: t("gray.step.finishNote"),
  };
  return (
    <ol className={classes.steps} aria-label={t("gray.steps")}>
      {STEPS.map((step, index) => (
        <li key={step} data-done={done[step]} aria-current={step === at ? "step" : undefined}>
          <Link to="/a/$app/c/$env/$cluster/$ns/gray" params={place} search={{ step }}>
            <span className={classes.dot} aria-hidden>
              {done[step] && step !== at ? <IconCheck size={16} stroke={2} /> : index + 1}
            </span>
            <span>
              <b>{t(`gray.step.${step}`)}</b>
              <small>{notes[step]}</small>
            </span>
          </Link>
        </li>
      ))}
    </ol>
  );
}
