// Explains which permission is missing, and who can grant it.
import { IconLock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { OwnRights } from "../api/roles";

export function NoRight({ rights, needed }: { rights: Pick<OwnRights, "admins">; needed: string }) {
  const { t } = useTranslation();
  const names = rights.admins.map(({ name, userId }) => name ?? userId).join(", ");
  return (
    <p className="note row tight">
      <IconLock size={16} stroke={1.8} aria-hidden />
      {needed} {names && t("access.grantors", { names })}
    </p>
  );
}
