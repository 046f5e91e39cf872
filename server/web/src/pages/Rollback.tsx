// Preview of a rollback from the live release to an older one, and the rollback itself. Drafts are
// not affected.
import { Button } from "@mantine/core";
import { IconArrowBackUp, IconCircleCheckFilled } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { comparison, release } from "../api/queries";
import type { OpenReleaseDiffDTO, OpenReleaseDTO } from "../api/bodies";
import { rollBack, useWrite } from "../api/writes";
import { Confirm } from "../parts/Confirm";
import { DiffView, type KeyChange } from "../parts/DiffView";
import { EnvName } from "../parts/EnvSwitch";
import { Main } from "../parts/Main";
import { Since } from "../parts/Since";
import { Empty, Loaded } from "../parts/States";
import classes from "./Publish.module.css";

const route = getRouteApi("/in/a/$app/rollback/$env/$releaseId");
const STATES = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted" } as const;

export function Rollback() {
  const { t } = useTranslation();
  const { env, releaseId } = route.useParams();
  const { to } = route.useSearch();
  const live = Number(releaseId);
  const target = useQuery(release(env, to));
  const changes = useQuery(comparison(env, live, to));
  return (
    <Main title={t("rollback.title")} className={classes.page}>
      <div className="row">
        <h1>{t("rollback.title")}</h1>
        <EnvName env={env} />
      </div>
      <Loaded query={target}>
        {(found) => found && <Preview env={env} live={live} target={found} changes={changes} />}
      </Loaded>
    </Main>
  );
}

interface Props {
  env: string;
  live: number;
  target: OpenReleaseDTO;
  changes: Parameters<typeof Loaded<NonNullable<OpenReleaseDiffDTO["changes"]>>>[0]["query"];
}

function Preview({ env, live, target, changes }: Props) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const place = { app: target.appId, env, cluster: target.clusterName, ns: target.namespaceName };
  const write = useWrite(
    () => rollBack(env, live, target.id),
    place,
    () => setAsking(false),
  );
  const back = { to: "/a/$app/c/$env/$cluster/$ns", params: place, search: { view: "history" } } as const;
  if (write.isSuccess) {
    return (
      <div className="done" role="status">
        <IconCircleCheckFilled size={20} aria-hidden />
        <p>
          {t("rollback.done", { env })} <b className="mono">{target.name}</b>
        </p>
        <Button variant="default" renderRoot={(props) => <Link {...props} {...back} />}>
          {t("publish.back", { name: place.ns })}
        </Button>
      </div>
    );
  }
  return (
    <>
      <p>
        {t("rollback.to", { name: place.ns, cluster: place.cluster })} <b className="mono">{target.name}</b>{" "}
        <span className="note">
          <Since time={target.dataChangeCreatedTime} />
        </span>
      </p>
      <Loaded query={changes}>
        {(list) =>
          list.length > 0 ? <DiffView changes={list.map(keyChange)} /> : <Empty title={t("rollback.same")} />
        }
      </Loaded>
      <div className="row end">
        <Button variant="default" renderRoot={(props) => <Link {...props} {...back} />}>
          {t("act.cancel")}
        </Button>
        <Button leftSection={<IconArrowBackUp size={18} stroke={1.8} />} onClick={() => setAsking(true)}>
          {t("rollback.act", { env })}
        </Button>
      </div>
      {asking && (
        <Confirm
          title={t("rollback.title")}
          action={t("rollback.act", { env })}
          write={write}
          onConfirm={() => write.mutate(undefined)}
          onClose={() => setAsking(false)}
        >
          <p>{t("rollback.confirm", { env, name: target.name })}</p>
        </Confirm>
      )}
    </>
  );
}

function keyChange(change: NonNullable<OpenReleaseDiffDTO["changes"]>[number]): KeyChange {
  return {
    key: change.key,
    state: STATES[change.changeType],
    before: change.changeType === "ADDED" ? null : (change.oldValue ?? ""),
    after: change.changeType === "DELETED" ? null : (change.newValue ?? ""),
  };
}
