// Review of the unpublished changes of one namespace, then the release with its name and comment.
import { Button, Textarea, TextInput } from "@mantine/core";
import { getHotkeyHandler } from "@mantine/hooks";
import { IconCircleCheckFilled, IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { draft, useBoot, type Place } from "../api/queries";
import { publish, useWrite } from "../api/writes";
import { Confirm } from "../parts/Confirm";
import { DiffView, type KeyChange } from "../parts/DiffView";
import { EnvName, isProduction } from "../parts/EnvSwitch";
import { Main } from "../parts/Main";
import { Empty, Failure, Loaded } from "../parts/States";
import { draftRows, type DraftRow } from "../state/draft";
import { checkName, COMMENT_LENGTH, RELEASE_NAME_LENGTH } from "../text/check";
import { releaseName } from "../text/format";
import classes from "./Publish.module.css";

const route = getRouteApi("/in/a/$app/publish");

export function Publish() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const [env = "", cluster = "", ns = ""] = route.useSearch().t.split(":");
  const place = { app, env, cluster, ns };
  const stored = useQuery({ ...draft(place), enabled: ns !== "" });
  const [published, setPublished] = useState<string | null>(null);
  if (ns === "") return <Main title={t("publish.title")}>{<Empty title={t("publish.noTarget")} />}</Main>;
  return (
    <Main title={t("publish.title")} className={classes.page}>
      <div className="row">
        <h1>{t("publish.title")}</h1>
        <Link to="/a/$app/c/$env/$cluster/$ns" params={place} className="mono">
          {ns}
        </Link>
        <EnvName env={env} />
        <span className="note">{cluster}</span>
      </div>
      {published !== null ? (
        <Done place={place} name={published} />
      ) : (
        <Loaded query={stored}>
          {(namespace) => {
            const changes = draftRows(namespace?.items ?? []).flatMap(keyChange);
            return (
              <div className={classes.columns}>
                {changes.length > 0 ? <DiffView changes={changes} /> : <Empty title={t("publish.nothing")} />}
                <Form place={place} changes={changes} onPublished={setPublished} />
              </div>
            );
          }}
        </Loaded>
      )}
    </Main>
  );
}

interface FormProps {
  place: Place;
  changes: KeyChange[];
  onPublished: (name: string) => void;
}

function Form({ place, changes, onPublished }: FormProps) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  const { user } = useBoot();
  const [title, setTitle] = useState(() => releaseName(new Date()));
  const [comment, setComment] = useState("");
  const [asking, setAsking] = useState(false);
  const write = useWrite(
    () =>
      publish(place, {
        releaseTitle: title.trim(),
        releaseComment: comment,
        releasedBy: user.userId,
        isEmergencyPublish: false,
      }),
    place,
    () => onPublished(title.trim()),
  );
  const titleProblem = checkName(title, RELEASE_NAME_LENGTH);
  const commentProblem = comment.length > COMMENT_LENGTH ? "tooLong" : null;
  const deletions = changes.filter((change) => change.state === "deleted").length;
  const submit = (event?: SyntheticEvent<HTMLFormElement>) => {
    event?.preventDefault();
    if (titleProblem || commentProblem) document.querySelector<HTMLElement>("#publish [aria-invalid=true]")?.focus();
    else if (isProduction(env)) setAsking(true);
    else write.mutate(undefined);
  };
  const action = t(changes.length > 0 ? "publish.act" : "publish.anyway", { env });
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
      {write.error && !asking && <Failure error={write.error} />}
      <Button type="submit" size="md" leftSection={<IconRocket size={18} stroke={1.8} />} loading={write.isPending}>
        {action}
      </Button>
      {asking && (
        <Confirm
          title={t("publish.confirmTitle", { env })}
          action={action}
          write={write}
          onConfirm={() => write.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          <p>{t("publish.confirmText", { app, env, cluster, name: ns, count: changes.length })}</p>
        </Confirm>
      )}
    </form>
  );
}

function Done({ place, name }: { place: Place; name: string }) {
  const { t } = useTranslation();
  return (
    <div className="done" role="status">
      <IconCircleCheckFilled size={20} aria-hidden />
      <p>
        {t("publish.done", { env: place.env })} <b className="mono">{name}</b>
      </p>
      <Button
        variant="default"
        renderRoot={(props) => <Link {...props} to="/a/$app/c/$env/$cluster/$ns" params={place} />}
      >
        {t("publish.back", { name: place.ns })}
      </Button>
    </div>
  );
}

function keyChange(row: DraftRow): KeyChange[] {
  if (row.state === "live") return [];
  return [{ key: row.key, state: row.state, before: row.live, after: row.value, by: row.by, at: row.at }];
}
