// Last step of a gray release: its values become the release of all instances, or are abandoned.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { IconAlertTriangleFilled, IconCircleCheckFilled, IconTrash } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { abandonGray, releaseToAll, staleGray } from "../api/gray";
import { Blockable } from "../components/Blockable";
import { Confirm } from "../components/Confirm";
import { DiffView } from "../components/DiffView";
import { NoRight } from "../components/NoRight";
import { Empty } from "../components/States";
import { checkName, RELEASE_NAME_LENGTH } from "../text/check";
import { releaseName } from "../text/format";
import classes from "./Gray.module.css";
import type { GrayParts } from "./grayParts";
import { publishing } from "./NamespaceItems";

export function GrayFinish(parts: GrayParts) {
  const { t } = useTranslation();
  // While a dialog is open, what it asks about: values that arrive meanwhile are not what the user decided on.
  const [asked, setAsked] = useState<{ act: "release" | "abandon"; parts: GrayParts } | null>(null);
  const { facts, state, rights, place } = asked?.parts ?? parts;
  const ask = (act: "release" | "abandon") => setAsked({ act, parts });
  const close = () => setAsked(null);
  const total = state.onMaster.total + state.inBranch.total;
  const { masterUnpublished } = facts;
  const blocked = masterUnpublished > 0 ? t("gray.finish.blocked", { count: masterUnpublished }) : null;
  const mayAbandon = rights.publish || (rights.edit && !facts.isPublished);
  return (
    <div className={classes.columns}>
      <section className={classes.stack} aria-label={t("gray.finish.differences")}>
        <h2>{t("gray.finish.differences")}</h2>
        {facts.changes > 0 ? (
          <DiffView changes={facts.differences} ns={place.ns} />
        ) : (
          <div className="card">
            <Empty title={t("gray.finish.same")} />
          </div>
        )}
      </section>
      <aside className={classes.stack}>
        <section className="card stack" aria-labelledby="decide">
          <h2 id="decide">{t("gray.finish.decide")}</h2>
          {blocked && (
            <p className="caution">
              <IconAlertTriangleFilled size={18} aria-hidden />
              <span>
                {blocked} <Link {...publishing(place)}>{t("change.review")}</Link>
              </span>
            </p>
          )}
          {facts.unpublished.length > 0 && facts.isPublished && (
            <p className="caution">
              <IconAlertTriangleFilled size={18} aria-hidden /> {t("gray.finish.unpublished")}
            </p>
          )}
          {rights.publish ? (
            <Blockable why={blocked ?? (facts.changes === 0 && t("gray.finish.same"))}>
              <Button
                size="md"
                className={classes.release}
                leftSection={<IconCircleCheckFilled size={18} />}
                onClick={() => ask("release")}
              >
                {t("gray.finish.release", { count: total })}
              </Button>
            </Blockable>
          ) : (
            <NoRight rights={rights} needed={t("gray.needPublish")} request={{ at: place, missing: ["publish"] }} />
          )}
          <p className="note">{t("gray.finish.releaseText")}</p>
          {mayAbandon && (
            <>
              <Button
                variant="default"
                color="red"
                leftSection={<IconTrash size={16} stroke={1.8} />}
                onClick={() => ask("abandon")}
              >
                {t("gray.finish.abandon")}
              </Button>
              <p className="note">{t("gray.finish.abandonText")}</p>
            </>
          )}
        </section>
      </aside>
      {asked?.act === "release" && <Release {...asked.parts} onClose={close} />}
      {asked?.act === "abandon" && <Abandon {...asked.parts} onClose={close} />}
    </div>
  );
}

type DialogProps = GrayParts & { onClose: () => void };

function Release({ place, name, revision, facts, master, onClose }: DialogProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [title, setTitle] = useState(() => releaseName(new Date()));
  const [isDeleted, setIsDeleted] = useState(true);
  const problem = checkName(title, RELEASE_NAME_LENGTH);
  const write = useAction(
    () =>
      releaseToAll(
        place,
        name,
        isDeleted,
        { releaseTitle: title, releaseComment: "", releasedBy: "", isEmergencyPublish: false },
        { main: master.revision, branch: revision },
      ),
    staleGray(place),
    () => (isDeleted ? void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: place, search: {} }) : onClose()),
  );
  return (
    <Confirm
      title={t("gray.finish.releaseTitle")}
      action={t("gray.finish.releaseAct", { env: place.env })}
      write={write}
      onConfirm={() => problem === null && write.mutate(undefined)}
      onClose={onClose}
    >
      <div className="stack">
        <p>{t("gray.finish.releaseConfirm", { count: facts.changes, env: place.env, name: place.ns })}</p>
        <TextInput
          label={t("publish.name")}
          classNames={{ input: "mono" }}
          value={title}
          error={problem && t(`check.${problem}`)}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
        <Checkbox
          label={t("gray.finish.delete")}
          checked={isDeleted}
          onChange={(event) => setIsDeleted(event.currentTarget.checked)}
        />
      </div>
    </Confirm>
  );
}

function Abandon({ place, name, revision, state, onClose }: DialogProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const write = useAction(
    () => abandonGray(place, name, revision),
    staleGray(place),
    () => void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: place, search: {} }),
  );
  return (
    <Confirm
      title={t("gray.finish.abandonTitle")}
      action={t("gray.finish.abandonTitle")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("gray.finish.abandonConfirm", { count: state.inBranch.total, name: place.ns })}</p>
    </Confirm>
  );
}
