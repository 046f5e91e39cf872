// Apps that were deleted lately, each with its restoration.
import { IconRestore } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { DeletedApp } from "../api/bodies";
import { deletedApps, restore, RESTORE_DAYS } from "../api/deleted";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { Main } from "../components/Main";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";

export function AdminDeleted() {
  const { t } = useTranslation();
  const list = useQuery(deletedApps);
  const [restoring, setRestoring] = useState<DeletedApp | null>(null);
  return (
    <Main title={t("admin.section.deleted")}>
      <h1>{t("admin.section.deleted")}</h1>
      <p className="note">{t("deletedApp.about", { count: RESTORE_DAYS })}</p>
      <Loaded query={list}>
        {(apps) =>
          apps.length === 0 ? (
            <Empty title={t("deletedApp.none")} />
          ) : (
            <DataTable
              label={t("admin.section.deleted")}
              rows={apps}
              rowKey={({ appId, deletedTime = "" }) => `${appId}\n${deletedTime}`}
              columns={[
                { name: t("deletedApp.appId"), cell: ({ appId }) => <span className="mono wrap">{appId}</span> },
                { name: t("deletedApp.name"), cell: ({ name }) => name },
                { name: t("deletedApp.org"), cell: ({ orgName }) => orgName },
                {
                  name: t("settings.deleted.by"),
                  cell: ({ deletedBy, deletedByDisplayName = deletedBy }) => deletedByDisplayName,
                },
                {
                  name: t("settings.deleted.when"),
                  isNarrow: true,
                  cell: ({ deletedTime }) => <Since time={deletedTime} />,
                },
              ]}
              actions={(app) => [
                {
                  label: t("settings.deleted.restoreOf", { name: app.appId }),
                  icon: IconRestore,
                  onClick: () => setRestoring(app),
                },
              ]}
            />
          )
        }
      </Loaded>
      {restoring && <Restore app={restoring} onClose={() => setRestoring(null)} />}
    </Main>
  );
}

function Restore({ app: { appId, deletedTime }, onClose }: { app: DeletedApp; onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const write = useAction(
    () => restore(appId, { kind: "app", ...(deletedTime !== undefined && { deletedTime }) }),
    [deletedApps.queryKey, ["home"]],
    () => void navigate({ to: "/a/$app", params: { app: appId } }),
  );
  return (
    <Confirm
      title={t("deletedApp.restore")}
      action={t("settings.deleted.restoreOf", { name: appId })}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("deletedApp.text", { name: appId })}</p>
    </Confirm>
  );
}
