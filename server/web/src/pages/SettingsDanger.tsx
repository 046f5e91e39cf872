// Deletion of an app, for super administrators.
import { Button } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useRoot } from "../api/rights";
import { deleteApp } from "../api/settings";
import { ConfirmName } from "../components/ConfirmName";
import { Empty } from "../components/States";
import classes from "./AppSettings.module.css";
import type { SectionProps } from "./SettingsGeneral";

export function SettingsDanger({ app, places }: SectionProps) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const isRoot = useRoot();
  const [asking, setAsking] = useState(false);
  const remove = useAction(
    () => deleteApp(app),
    [["home"]],
    () => void navigate({ to: "/" }),
  );
  const clusters = places.reduce((sum, place) => sum + (place.clusters?.length ?? 0), 0);
  if (isRoot === undefined) return null;
  if (!isRoot) return <Empty title={t("settings.danger.rootOnly")} />;
  return (
    <section className={`card stack ${classes.danger}`} aria-labelledby="delete">
      <h2 id="delete">{t("settings.danger.delete")}</h2>
      <p>{t("settings.danger.about", { count: clusters })}</p>
      <div>
        <Button color="red" leftSection={<IconTrash size={16} />} onClick={() => setAsking(true)}>
          {t("settings.danger.act")}
        </Button>
      </div>
      {asking && (
        <ConfirmName
          title={t("settings.danger.delete")}
          action={t("settings.danger.delete")}
          name={app}
          write={remove}
          onConfirm={() => remove.mutate(undefined)}
          onClose={() => {
            remove.reset();
            setAsking(false);
          }}
        >
          <p>{t("settings.danger.text")}</p>
        </ConfirmName>
      )}
    </section>
  );
}
