// What the user may do in a namespace, and the banners that state what is missing and why; access can
// be requested there.
import { IconEye, IconLock, IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { useEditors } from "../api/editors";
import { lock, useBoot, type Place } from "../api/queries";
import { ownRights } from "../api/roles";
import { RequestAccess } from "../components/RequestAccess";
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
  if (!access.canEdit) {
    return (
      <div className={classes.banner} role="status">
        <IconEye size={18} stroke={1.8} aria-hidden />
        <p>
          <b>{t("access.readOnly")}</b> {t("access.readOnlyText")}
        </p>
        <RequestAccess at={place} missing={access.canPublish ? ["edit"] : ["edit", "publish"]} />
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

/** Who else has unsaved edits: what they save next may concern the same keys. */
export function EditorsBanner({ place }: { place: Place }) {
  const { t } = useTranslation();
  const editors = useEditors(place);
  if (editors.length === 0) return null;
  return (
    <div className={classes.banner} role="status">
      <IconPencil size={18} stroke={1.8} aria-hidden />
      <p>
        <b>{t("access.editing", { count: editors.length, names: editors.join(", ") })}</b> {t("access.editingText")}
      </p>
    </div>
  );
}
