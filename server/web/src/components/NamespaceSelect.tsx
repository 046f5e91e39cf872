// The namespaces of a cluster as one field: on narrow screens, in place of the panel.
import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { missingNamespaces } from "../api/presence";
import { appNamespaces, namespaceNames, type Place } from "../api/queries";
import { namespaceEntries } from "../state/namespaces";
import classes from "./NamespacePanel.module.css";

interface Props {
  place: Place;
  onOpen: (ns: string) => void;
}

export function NamespaceSelect({ place: { app, env, cluster, ns }, onOpen }: Props) {
  const { t } = useTranslation();
  const list = useQuery(namespaceNames(app, env, cluster)).data ?? [];
  // What is hidden or missing is read by the pages that have the panel.
  const defined = useQuery({ ...appNamespaces(app), enabled: false }).data ?? [];
  const missing = useQuery({ ...missingNamespaces(app, env, cluster), enabled: false }).data;
  const names = namespaceEntries(app, list, defined, missing).map(({ name }) => name);
  return (
    <nav className={classes.narrow} aria-label={t("namespace.list")}>
      <NativeSelect
        aria-label={t("namespace.list")}
        value={ns}
        data={[...new Set([ns, ...names])]}
        onChange={(event) => onOpen(event.currentTarget.value)}
      />
    </nav>
  );
}
