// Explains which permission is missing, and who can grant it; on a namespace it can be requested.
import { IconLock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Asked } from "../api/requests";
import type { OwnRights, Right } from "../api/roles";
import { RequestAccess } from "./RequestAccess";

interface Props {
  rights: Pick<OwnRights, "admins">;
  needed: string;
  /** The namespace, and the rights on it that can be requested, first the needed one. */
  request?: { at: Asked; missing: Right[] } | undefined;
}

export function NoRight({ rights, needed, request }: Props) {
  const { t } = useTranslation();
  const names = rights.admins.map(({ name, userId }) => name ?? userId).join(", ");
  return (
    <div className="row">
      <p className="note row tight">
        <IconLock size={16} stroke={1.8} aria-hidden />
        {needed} {names && t("access.grantors", { names })}
      </p>
      {request && <RequestAccess {...request} />}
    </div>
  );
}
