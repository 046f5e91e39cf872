// Name and comment of a release, what prevents it, and after it the outcome for each namespace with
// the instances that have received it.
import { Button, Textarea, TextInput } from "@mantine/core";
import { getHotkeyHandler } from "@mantine/hooks";
import { IconRocket } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useBoot, type Place } from "../api/queries";
import { publish } from "../api/writes";
import { Blockable } from "../components/Blockable";
import { Confirm } from "../components/Confirm";
import { isProduction } from "../components/EnvSwitch";
import { RequestAccess } from "../components/RequestAccess";
import { ResultList } from "../components/ResultList";
import { RolloutBar } from "../components/RolloutBar";
import { useEach } from "../state/each";
import { scopeOf, targetName } from "../state/targets";
import { checkName, COMMENT_LENGTH, RELEASE_NAME_LENGTH } from "../text/check";
import { releaseName } from "../text/format";
import type { Reviewed } from "./Publish";
import classes from "./Publish.module.css";

interface Props {
  /** What the page shows now. */
  current: Reviewed[];
  /** Whether the namespaces are being read again, so that the review may change. */
  isReading: boolean;
  /** Receives what is being published. */
  onSubmit: (reviewed: Reviewed[]) => void;
  /** Receives what was not published, for a new review. */
  onAgain: (failed: Place[]) => void;
  onPublished: (place: Place) => void;
}

/** A question that has to be confirmed, and what it asks about. */
interface Asked {
  kind: "production" | "emergency";
  reviewed: Reviewed[];
}

const IDLE = { isPending: false, error: null };

export function PublishForm({ current, isReading, onSubmit, onAgain, onPublished }: Props) {
  const { t, i18n } = useTranslation();
  // While a dialog is open, what it asks about: changes that arrive meanwhile are not published with it.
  const [asked, setAsked] = useState<Asked | null>(null);
  const reviewed = asked?.reviewed ?? current;
  const places = reviewed.map(({ place }) => place);
  const { envs, clusters } = scopeOf(places);
  const list = (names: string[]) => new Intl.ListFormat(i18n.language).format(names);
  const [app, env, cluster] = [places[0]?.app ?? "", list(envs), list(clusters)];
  const nameOf = (place: Place) => targetName(place, places);
  const cache = useQueryClient();
  const { user } = useBoot();
  const [title, setTitle] = useState(() => releaseName(new Date()));
  const [comment, setComment] = useState("");
  const [typed, setTyped] = useState("");
  const [releases, setReleases] = useState<ReadonlyMap<string, number>>(new Map());
  const release = ({ place, draft, isOwnEdit }: Reviewed) =>
    publish(
      place,
      { releaseTitle: title.trim(), releaseComment: comment, releasedBy: user.userId, isEmergencyPublish: isOwnEdit },
      draft.revision,
    );
  const each = useEach(release, ({ place }, result) => {
    if (result) setReleases((old) => new Map(old).set(nameOf(place), result.id));
    onPublished(place);
    const at = [place.app, place.env, place.cluster, place.ns];
    for (const kind of ["draft", "history", "lock"]) void cache.invalidateQueries({ queryKey: [kind, ...at] });
    void cache.invalidateQueries({ queryKey: ["list", place.app, place.env, place.cluster] });
  });
  const count = reviewed.reduce((sum, { changes }) => sum + changes.length, 0);
  const deletions = reviewed.flatMap(({ changes }) => changes).filter(({ state }) => state === "deleted").length;
  const isOwnEdit = reviewed.some((one) => one.isOwnEdit);
  const emergency = isOwnEdit && reviewed.every((one) => one.emergency);
  const violated = reviewed.filter(({ violations }) => violations.length > 0);
  const schemaProblem =
    violated.length > 0 ? t("schema.violated", { name: list(violated.map(({ place }) => nameOf(place))) }) : null;
  const titleProblem = checkName(title, RELEASE_NAME_LENGTH);
  const commentProblem = comment.length > COMMENT_LENGTH ? "tooLong" : null;
  const names = list(places.map(nameOf));
  const run = () => {
    setAsked(null);
    onSubmit(reviewed);
    void each.run(reviewed);
  };
  const submit = (event?: SyntheticEvent<HTMLFormElement>) => {
    event?.preventDefault();
    if (isReading || schemaProblem) return;
    if (titleProblem || commentProblem) document.querySelector<HTMLElement>("#publish [aria-invalid=true]")?.focus();
    else if (isOwnEdit) setAsked(emergency ? { kind: "emergency", reviewed } : null);
    else if (envs.some(isProduction)) setAsked({ kind: "production", reviewed });
    else run();
  };

  if (each.outcomes.length > 0) {
    const isDone = each.outcomes.every(({ state }) => state === "done");
    return (
      <div className={classes.side}>
        {isDone && (
          <p role="status">
            {t("publish.done", { env })} <b className="mono">{title.trim()}</b>
          </p>
        )}
        {/* Above the outcomes, which become longer while somebody is about to click. */}
        {places.map((place) => (
          <Button
            key={nameOf(place)}
            variant="default"
            renderRoot={(props) => <Link {...props} to="/a/$app/c/$env/$cluster/$ns" params={place} search={{}} />}
          >
            {t("publish.back", { name: nameOf(place) })}
          </Button>
        ))}
        <ResultList
          outcomes={each.outcomes}
          name={({ place }) => nameOf(place)}
          note={({ place }) => {
            const id = releases.get(nameOf(place));
            return id !== undefined && <RolloutBar place={place} releaseId={id} />;
          }}
        />
        {!isDone && !each.isPending && (
          <Button
            variant="default"
            onClick={() => {
              each.reset();
              onAgain(each.failed.map(({ place }) => place));
            }}
          >
            {t("publish.again")}
          </Button>
        )}
      </div>
    );
  }
  const forbidden = reviewed.filter(({ canPublish }) => !canPublish);
  if (forbidden.length > 0) return <Forbidden places={forbidden.map(({ place }) => place)} nameOf={nameOf} />;
  const action = t(emergency ? "publish.emergency" : count > 0 ? "publish.act" : "publish.anyway", { env });
  return (
    <form
      id="publish"
      className={classes.side}
      noValidate
      onSubmit={submit}
      onKeyDown={getHotkeyHandler([["mod+Enter", () => submit()]])}
    >
      <TextInput
        label={t("publish.name")}
        classNames={{ input: "mono" }}
        value={title}
        error={titleProblem && t(`check.${titleProblem}`)}
        onChange={(event) => setTitle(event.currentTarget.value)}
      />
      <Textarea
        label={t("publish.comment")}
        rows={3}
        value={comment}
        error={commentProblem && t(`check.${commentProblem}`)}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      {deletions > 0 && <p className={classes.warning}>{t("publish.deletions", { count: deletions })}</p>}
      {violated.map(({ place, violations }) => (
        <section
          key={nameOf(place)}
          className={classes.warning}
          aria-label={t("schema.violated", { name: nameOf(place) })}
        >
          <p role="status">{t("schema.violated", { name: nameOf(place) })}</p>
          <ul>
            {violations.map(({ path, rule }) => (
              <li key={`${path ?? ""} ${rule ?? ""}`}>
                <span className="mono">{path}</span>: {rule}
              </li>
            ))}
          </ul>
        </section>
      ))}
      {isOwnEdit && <p className={classes.warning}>{t("publish.ownEdit")}</p>}
      <Blockable why={schemaProblem ?? (isOwnEdit && !emergency && t("publish.ownEdit"))}>
        <Button
          type="submit"
          size="md"
          variant={emergency || count > 0 ? "filled" : "default"}
          color={emergency ? "red" : "blue"}
          loading={isReading}
          leftSection={<IconRocket size={18} stroke={1.8} />}
        >
          {action}
        </Button>
      </Blockable>
      {asked?.kind === "production" && (
        <Confirm
          title={t("publish.confirmTitle", { env })}
          action={action}
          write={IDLE}
          onConfirm={run}
          onClose={() => setAsked(null)}
        >
          <p>{t("publish.confirmText", { app, env, cluster, name: names, count })}</p>
        </Confirm>
      )}
      {asked?.kind === "emergency" && (
        <Confirm
          title={t("publish.emergencyTitle", { env })}
          action={t("publish.act", { env })}
          danger
          why={typed !== env && t("publish.typeEnv", { env })}
          write={IDLE}
          onConfirm={run}
          onClose={() => setAsked(null)}
        >
          <p>{t("publish.emergencyText")}</p>
          <TextInput
            label={t("publish.typeEnv", { env })}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            data-autofocus
          />
        </Confirm>
      )}
    </form>
  );
}

/** The right to publish can be requested for each namespace that needs it. */
function Forbidden({ places, nameOf }: { places: Place[]; nameOf: (place: Place) => string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.side}>
      <p className={classes.warning}>{t("publish.forbidden")}</p>
      {places.map((place) => (
        <div key={nameOf(place)} className="row">
          {places.length > 1 && <span className="mono">{nameOf(place)}</span>}
          <RequestAccess at={place} missing={["publish"]} />
        </div>
      ))}
    </div>
  );
}
