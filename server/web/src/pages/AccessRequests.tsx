// The requests for access to an app: those that wait, each with the two decisions, and what was decided last.
import { Button, TextInput } from "@mantine/core";
import { IconCheck, IconX } from "@tabler/icons-react";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { AccessRequest } from "../api/bodies";
import { decideRequest, REQUEST_LENGTH, requestedRight, staleRequests } from "../api/requests";
import { Dialog } from "../components/Dialog";
import { Since } from "../components/Since";
import { Empty, Failure } from "../components/States";
import classes from "./Access.module.css";

export function AccessRequests({ requests, onClose }: { requests: AccessRequest[]; onClose: () => void }) {
  const { t } = useTranslation();
  const open = requests.filter(({ state }) => state === "open");
  const decided = requests.filter(({ state }) => state !== "open");
  return (
    <Dialog title={t("request.title")} size="lg" onClose={onClose}>
      <div className="stack">
        {open.length === 0 && <Empty title={t("request.none")} />}
        <ul className={classes.requests}>
          {open.map((request) => (
            <li key={request.id}>
              <Head request={request} />
              <Decide request={request} />
            </li>
          ))}
        </ul>
        {decided.length > 0 && (
          <>
            <h2>{t("request.decided")}</h2>
            <ul className={classes.requests}>
              {decided.map((request) => (
                <li key={request.id}>
                  <Head request={request} />
                  <Outcome request={request} />
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Dialog>
  );
}

/** Who asks for what, why, and since when. */
function Head({ request }: { request: AccessRequest }) {
  const { t } = useTranslation();
  const { userId, userDisplayName = userId, env = t("access.allEnvs"), namespaceName, clusterName } = request;
  return (
    <div>
      <b>{userDisplayName}</b> {userDisplayName !== userId && <span className="note">{userId}</span>}{" "}
      <span className="note">
        <Since time={request.createdTime} />
      </span>
      <p>
        {t("request.what", { right: t(`access.right.${requestedRight(request)}`), scope: env })}{" "}
        <span className="mono wrap">{namespaceName ?? clusterName}</span>
      </p>
      {request.note && <p>{request.note}</p>}
    </div>
  );
}

function Outcome({ request }: { request: AccessRequest }) {
  const { t } = useTranslation();
  const name = request.decidedByDisplayName ?? request.decidedBy;
  return (
    <p className="note">
      <Since
        by={request.state === "granted" ? t("request.grantedBy", { name }) : t("request.declinedBy", { name })}
        time={request.decidedTime}
      />{" "}
      {request.reason}
    </p>
  );
}

function Decide({ request }: { request: AccessRequest }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState<string | null>(null);
  const [isChecked, setIsChecked] = useState(false);
  const write = useAction(
    (decision: { granted: boolean; reason?: string }) => decideRequest(request, decision),
    staleRequests(request.appId),
  );
  const text = reason?.trim() ?? "";
  const problem = text === "" ? "required" : text.length > REQUEST_LENGTH ? "tooLong" : null;
  const decline = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (!problem) write.mutate({ granted: false, reason: text });
  };
  const name = request.userDisplayName ?? request.userId;
  return (
    <>
      {write.error && <Failure error={write.error} />}
      {reason === null ? (
        <div className="row end">
          <Button
            variant="default"
            leftSection={<IconX size={16} stroke={1.8} aria-hidden />}
            aria-label={t("request.declineName", { name })}
            onClick={() => setReason("")}
          >
            {t("request.decline")}
          </Button>
          <Button
            leftSection={<IconCheck size={16} stroke={1.8} aria-hidden />}
            aria-label={t("request.grantName", { name })}
            loading={write.isPending}
            onClick={() => write.mutate({ granted: true })}
          >
            {t("request.grant")}
          </Button>
        </div>
      ) : (
        <form className="stack" noValidate onSubmit={decline}>
          <TextInput
            label={t("request.reason", { name })}
            value={reason}
            error={isChecked && problem && t(`check.${problem}`)}
            autoFocus
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          <div className="row end">
            <Button variant="default" onClick={() => setReason(null)}>
              {t("act.cancel")}
            </Button>
            <Button type="submit" color="red" loading={write.isPending}>
              {t("request.decline")}
            </Button>
          </div>
        </form>
      )}
    </>
  );
}
