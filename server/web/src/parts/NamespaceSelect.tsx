// The namespaces of a cluster as one field: on narrow screens, in place of the panel.
import { NativeSelect } from "@mantine/core";
import { useTranslation } from "react-i18next";

import classes from "./NamespacePanel.module.css";

interface Props {
  ns: string;
  names: string[];
  onOpen: (ns: string) => void;
}

export function NamespaceSelect({ ns, names, onOpen }: Props) {
  const { t } = useTranslation();
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
