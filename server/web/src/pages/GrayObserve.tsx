// Third step of a gray release: publish it, and see which instances have it.
import { Button, TextInput } from "@mantine/core";
import { IconAlertTriangleFilled, IconCloudUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { publishGray, staleGray } from "../api/gray";
import type { OpenInstanceDTO, OpenReleaseHistoryDTO } from "../api/schema";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { DiffView } from "../components/DiffView";
import { isProduction } from "../components/EnvSwitch";
import { NoRight } from "../components/NoRight";
import { Since } from "../components/Since";
import { StateChip } from "../components/StateChip";
import { Empty, Failure } from "../components/States";
import { checkName, RELEASE_NAME_LENGTH } from "../text/check";
import { releaseName } from "../text/format";
import classes from "./Gray.module.css";
import type { GrayParts } from "./grayParts";

export function GrayObserve(parts: GrayParts) {
  const { t } = useTranslation();
  const { facts, state, go } = parts;
  return (
    <div className={classes.columns}>
      <div className={classes.stack}>
        {facts.changes === 0 && !facts.isPublished ? (
          <div className="card">
            <Empty title={t("gray.change.none")}>
              <Button onClick={() => go("change")}>{t("gray.step.change")}</Button>
            </Empty>
          </div>
        ) : (
          facts.unpublished.length > 0 && <Publish {...parts} />
        )}
        {facts.isPublished && <Rollout {...parts} />}
        {facts.isPublished && <Instances {...parts} />}
        <Events list={state.history} />
      </div>
      <aside className={classes.stack}>
        <section className="card stack" aria-label={t("gray.audience.rule")}>
          <h2>{t("gray.audience.rule")}</h2>
          <Rule {...parts} />
        </section>
        {facts.isPublished && (
          <section className="card stack">
            <h2>{t("gray.finish.decide")}</h2>
            <p className="note">{t("gray.finish.decideText")}</p>
            <Button variant="default" onClick={() => go("finish")}>
              {t("gray.step.finish")}
            </Button>
          </section>
        )}
      </aside>
    </div>
  );
}

function Publish({ place, name, revision, facts, rights, go }: GrayParts) {
  const { t } = useTranslation();
  const [title, setTitle] = useState(() => releaseName(new Date()).replace(/release$/, "gray"));
  const current = { revision, changes: facts.unpublished };
  // While the dialog is open, what it asks about: changes that arrive meanwhile are not published with it.
  const [asked, setAsked] = useState<typeof current | null>(null);
  const shown = asked ?? current;
  const write = useAction(
    (seen: string) =>
      publishGray(
        place,
        name,
        { releaseTitle: title, releaseComment: "", releasedBy: "", isEmergencyPublish: false },
        seen,
      ),
    staleGray(place),
    () => setAsked(null),
  );
  const problem = checkName(title, RELEASE_NAME_LENGTH);
  const publish = () => {
    if (facts.rules === 0) go("audience");
    else if (isProduction(place.env)) setAsked(shown);
    else write.mutate(shown.revision);
  };
  return (
    <section className="card stack" aria-label={t("gray.observe.publish")}>
      <h2>{t("gray.observe.toPublish", { count: shown.changes.length })}</h2>
      <DiffView changes={shown.changes} ns={place.ns} />
      {facts.rules === 0 && (
        <p className="caution" role="status">
          <IconAlertTriangleFilled size={18} aria-hidden /> {t("gray.observe.noRules")}
        </p>
      )}
      {write.error && <Failure error={write.error} />}
      {rights.publish ? (
        <div className="fields">
          <TextInput
            className="grow"
            label={t("publish.name")}
            classNames={{ input: "mono" }}
            value={title}
            error={problem && t(`check.${problem}`)}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          <Button
            className="low"
            leftSection={<IconCloudUp size={18} stroke={1.8} />}
            loading={write.isPending && !asked}
            onClick={() => problem === null && publish()}
          >
            {facts.rules === 0 ? t("gray.observe.chooseAudience") : t("gray.observe.publish")}
          </Button>
        </div>
      ) : (
        <NoRight rights={rights} needed={t("gray.needPublish")} request={{ at: place, missing: ["publish"] }} />
      )}
      {asked && (
        <Confirm
          title={t("publish.confirmTitle", { env: place.env })}
          action={t("gray.observe.publish")}
          write={write}
          onConfirm={() => write.mutate(shown.revision)}
          onClose={() => setAsked(null)}
        >
          <p>{t("gray.observe.confirm", { env: place.env, name: place.ns })}</p>
        </Confirm>
      )}
    </section>
  );
}

function Rollout({ facts, state }: GrayParts) {
  const { t } = useTranslation();
  const have = state.onGray.total;
  const total = have + facts.late.length;
  const percent = total === 0 ? 0 : Math.round((have / total) * 100);
  return (
    <section className="card stack" aria-labelledby="rollout">
      <h2 id="rollout">
        {total === 0 ? t("gray.observe.noInstance") : t("gray.observe.have", { have, total, count: total })}
      </h2>
      {total > 0 && (
        <div className={classes.bar} data-late={facts.late.length > 0}>
          <span style={{ width: `${percent}%` }} />
        </div>
      )}
      <p className="note" role="status">
        {t("gray.observe.others", { count: state.onMaster.total - facts.late.filter(isOnMaster(state)).length })}
      </p>
      {facts.late.slice(0, 5).map((instance) => (
        <p key={instance.id} className="caution">
          <IconAlertTriangleFilled size={18} aria-hidden />
          <span>
            <b className="mono">{instance.ip}</b> {t("gray.observe.late")}
          </span>
        </p>
      ))}
    </section>
  );
}

const isOnMaster = (state: GrayParts["state"]) => (instance: OpenInstanceDTO) =>
  state.onMaster.list.some(({ id }) => id === instance.id);

function Instances({ facts, state }: GrayParts) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const rows = [
    ...state.onGray.list.map((instance) => ({ instance, chip: "gray" as const })),
    ...facts.late.map((instance) => ({ instance, chip: "late" as const })),
    ...facts.others.map((instance) => ({ instance, chip: "live" as const })),
  ].filter(({ instance: { ip = "", dataCenter = "" } }) => `${ip} ${dataCenter}`.includes(filter.trim()));
  return (
    <section className="stack" aria-label={t("gray.observe.instances")}>
      <div className="row">
        <h2>{t("gray.observe.instances")}</h2>
        <TextInput
          className="push"
          aria-label={t("gray.observe.filter")}
          placeholder={t("gray.observe.filter")}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      </div>
      <DataTable
        label={t("gray.observe.instances")}
        rows={rows}
        rowKey={({ instance }) => instance.id ?? 0}
        columns={[
          { name: t("gray.observe.ip"), cell: ({ instance }) => <span className="mono">{instance.ip}</span> },
          { name: t("gray.audience.app"), cell: ({ instance }) => instance.appId },
          { name: t("gray.observe.center"), cell: ({ instance }) => instance.dataCenter },
          { name: t("item.state"), cell: ({ chip }) => <InstanceState chip={chip} /> },
          {
            name: t("gray.observe.delivered"),
            cell: ({ instance }) => <Since time={instance.configs?.[0]?.releaseDeliveryTime} />,
          },
        ]}
      />
    </section>
  );
}

function InstanceState({ chip }: { chip: "gray" | "late" | "live" }) {
  const { t } = useTranslation();
  return chip === "live" ? <span className="note">{t("gray.observe.onMaster")}</span> : <StateChip state={chip} />;
}

/** The audience in words. */
export function Rule({ facts, place }: Pick<GrayParts, "facts" | "place">) {
  const { t } = useTranslation();
  return (
    <>
      {facts.rules === 0 && <p className="note">{t("gray.step.noAudience")}</p>}
      {facts.lines.map((line, index) => (
        <p key={index} className="row tight">
          {line.app}{" "}
          {[...line.ips, ...line.labels].map((text) => (
            <span key={text} className="badge">
              {text}
            </span>
          ))}
        </p>
      ))}
      <p>
        <Link to="/a/$app/c/$env/$cluster/$ns/gray" params={place} search={{ step: "audience" }}>
          {t("gray.audience.change")}
        </Link>
      </p>
    </>
  );
}

const OPERATIONS: Partial<Record<number, "published" | "rules" | "followed" | "followedRollback">> = {
  2: "published",
  3: "rules",
  5: "followed",
  6: "followedRollback",
};

function Events({ list }: { list: OpenReleaseHistoryDTO[] }) {
  const { t } = useTranslation();
  const known = list.flatMap((entry) => {
    const kind = OPERATIONS[entry.operation ?? -1];
    return kind ? [{ entry, kind }] : [];
  });
  if (known.length === 0) return null;
  return (
    <section className="card stack" aria-labelledby="gray-events">
      <h2 id="gray-events">{t("gray.event.title")}</h2>
      <ol className={classes.events}>
        {known.map(({ entry, kind }) => (
          <li key={entry.id}>
            <span className="note">
              <Since time={entry.releaseTime} />
            </span>
            <span>
              {t(`gray.event.${kind}`, {
                name: entry.operatorDisplayName ?? entry.operator,
                release: entry.releaseTitle,
              })}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
