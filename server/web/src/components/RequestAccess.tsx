// Asks the administrators of an app for a right on a namespace, and shows what became of it.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { IconHourglass, IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { AccessRequest } from "../api/bodies";
import { useBoot } from "../api/queries";
import {
  ownRequest,
  REQUEST_LENGTH,
  requestAccess,
  requestsOf,
  staleRequests,
  withdrawRequest,
  type Asked,
} from "../api/requests";
import { masters, type Right } from "../api/roles";
import { copied } from "./copy";
import { Dialog } from "./Dialog";
import { DialogEnd } from "./DialogEnd";
import { Since } from "./Since";
import { Failure, Loaded } from "./States";

interface Props {
  at: Asked;
  /** The rights that the user lacks; the first one is what the page needs. */
  missing: Right[];
}

export function RequestAccess(props: Props) {
  const { at, missing } = props;
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  const list = useQuery(requestsOf(at.app)).data;
  /** What the dialog was opened for. */
  const [asked, setAsked] = useState<Props | null>(null);
  const [needed] = missing;
  if (!list || needed === undefined) return null;
  const made = ownRequest(list, userId, at, needed);
  if (made?.state === "open") return <Requested request={made} />;
  return (
    <>
      {made?.state === "declined" && (
        <p className="note" role="status">
          {t("request.declined", { name: made.decidedByDisplayName ?? made.decidedBy, reason: made.reason })}
        </p>
      )}
      <Button
        variant="default"
        leftSection={<IconKey size={16} stroke={1.8} aria-hidden />}
        onClick={() => setAsked(props)}
      >
        {t("access.request")}
      </Button>
      {asked && <Request {...asked} onClose={() => setAsked(null)} />}
    </>
  );
}

function Requested({ request }: { request: AccessRequest }) {
  const { t } = useTranslation();
  const write = useAction(withdrawRequest, staleRequests(request.appId));
  return (
    <>
      <span className="row tight" role="status">
        <IconHourglass size={16} stroke={1.8} aria-hidden />
        {t("request.requested")} <Since time={request.createdTime} />
      </span>
      <Button variant="default" loading={write.isPending} onClick={() => write.mutate(request)}>
        {t("request.withdraw")}
      </Button>
      {write.error && <Failure error={write.error} />}
    </>
  );
}

function Request({ at, missing, onClose }: Props & { onClose: () => void }) {
  const { t } = useTranslation();
  const [rights, setRights] = useState(missing.slice(0, 1));
  const [note, setNote] = useState("");
  const write = useAction(
    async () => {
      for (const right of rights) await requestAccess(at, right, note.trim());
    },
    staleRequests(at.app),
    onClose,
  );
  const problem = note.trim().length > REQUEST_LENGTH && t("check.tooLong");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (!problem && rights.length > 0) write.mutate(undefined);
  };
  const env = at.env || t("access.allEnvs");
  return (
    <Dialog title={t("access.request")} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <Checkbox.Group
          label={t("request.rights", { name: at.ns, env })}
          value={rights}
          error={rights.length === 0 && t("check.required")}
          onChange={(chosen) => setRights(missing.filter((right) => chosen.includes(right)))}
        >
          {missing.map((right) => (
            <Checkbox key={right} mt="xs" value={right} label={t(`access.right.${right}`)} />
          ))}
        </Checkbox.Group>
        {/* One line, so that Enter sends the request. */}
        <TextInput
          label={t("request.note")}
          value={note}
          error={problem}
          data-autofocus
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <DialogEnd action={t("request.send")} write={write} onClose={onClose} />
        <Grantors at={at} />
      </form>
    </Dialog>
  );
}

/** The administrators, and a link that opens the permissions of the namespace for one of them. */
function Grantors({ at }: { at: Asked }) {
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  const admins = useQuery(masters(at.app));
  const [isCopied, setIsCopied] = useState(false);
  const query = new URLSearchParams({ ...(at.env && { env: at.env }), ns: at.ns, who: userId });
  const link = new URL(`a/${encodeURIComponent(at.app)}/access?${query}`, document.baseURI).href;
  const copy = () => void copied(link).then(setIsCopied);
  return (
    <>
      <p>{t("access.ask", { name: at.ns, env: at.env || t("access.allEnvs") })}</p>
      <Loaded query={admins}>
        {(people) => (
          <ul className="lines">
            {people.map(({ userId, name, email }) => (
              <li key={userId}>
                <b>{name ?? userId}</b> {email && <a href={`mailto:${email}`}>{email}</a>}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      <p className="note">{t("access.linkHelp")}</p>
      <code className="wrap">{link}</code>
      <div className="row end">
        <span role="status">{isCopied && t("access.copied")}</span>
        <Button variant="default" onClick={copy}>
          {t("access.copyLink")}
        </Button>
      </div>
    </>
  );
}
