// What the user may do in a namespace, and the banners that state what is missing, why, and who can
// grant it.
import { Button } from "@mantine/core";
import { IconEye, IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { lock, useBoot, type Place } from "../api/queries";
import { masters, ownRights } from "../api/roles";
import { Dialog } from "../parts/Dialog";
import { Loaded } from "../parts/States";
import { copyText } from "../text/copy";
import classes from "./Namespace.module.css";

export interface Access {
  canEdit: boolean;
  canPublish: boolean;
  /** Who edits, where the same person may not edit and publish; null if nobody does. */
  editor: string | null;
  /** The environment allows the editor to publish in an emergency. */
  emergency: boolean;
}

/** Undefined until known, and if it cannot be read; the server checks every write in any case. */
export function useAccess(place: Place): { access: Access | undefined; isPending: boolean } {
  const { userId } = useBoot().user;
  const [rights, held] = [useQuery(ownRights(place, userId)), useQuery(lock(place))];
  const access = rights.data &&
    held.data !== undefined && {
      canEdit: rights.data.edit,
      canPublish: rights.data.publish,
      editor: (held.data?.isLocked && held.data.lockedBy) || null,
      emergency: held.data?.isEmergencyPublishAllowed ?? false,
    };
  return { access: access || undefined, isPending: rights.isPending || held.isPending };
}

export function AccessBanner({ place, access }: { place: Place; access: Access }) {
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  const [asking, setAsking] = useState(false);
  if (!access.canEdit) {
    return (
      <div className={classes.banner} role="status">
        <IconEye size={18} stroke={1.8} aria-hidden />
        <p>
          <b>{t("access.readOnly")}</b> {t("access.readOnlyText")}
        </p>
        <Button variant="default" onClick={() => setAsking(true)}>
          {t("access.request")}
        </Button>
        {asking && <Request place={place} onClose={() => setAsking(false)} />}
      </div>
    );
  }
  if (access.editor === null) return null;
  const own = access.editor === userId;
  return (
    <div className={classes.banner} role="status">
      <IconLock size={18} stroke={1.8} aria-hidden />
      <p>
        <b>{own ? t("access.ownLock") : t("access.locked", { name: access.editor })}</b>{" "}
        {t(own ? "access.ownLockText" : access.canPublish ? "access.lockedPublish" : "access.lockedText")}
      </p>
    </div>
  );
}

function Request({ place, onClose }: { place: Place; onClose: () => void }) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const admins = useQuery(masters(place.app));
  const [copied, setCopied] = useState(false);
  const query = new URLSearchParams({ env: place.env, ns: place.ns, who: user.userId });
  const link = new URL(`a/${encodeURIComponent(place.app)}/access?${query}`, document.baseURI).href;
  const copy = () => void copyText(link).then(() => setCopied(true));
  return (
    <Dialog title={t("access.request")} onClose={onClose}>
      <div className="stack">
        <p>{t("access.ask", { name: place.ns, env: place.env })}</p>
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
          <span role="status">{copied && t("access.copied")}</span>
          <Button onClick={copy}>{t("access.copyLink")}</Button>
        </div>
      </div>
    </Dialog>
  );
}
