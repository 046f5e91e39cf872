// Namespaces of a cluster with their format and unpublished changes: a panel beside the page, one list on narrow screens.
import { NativeSelect, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { OpenNamespaceDTO } from "../api/bodies";
import classes from "./NamespacePanel.module.css";
import { StateChip } from "./StateChip";

interface Props {
  app: string;
  env: string;
  cluster: string;
  list: OpenNamespaceDTO[];
  /** The open namespace, if any. */
  ns: string | undefined;
  onOpen: (ns: string) => void;
}

export function NamespacePanel({ app, env, cluster, list, ns, onOpen }: Props) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const found = list.filter((namespace) => namespace.namespaceName.toLowerCase().includes(filter.toLowerCase()));
  const groups = {
    own: found.filter((namespace) => !isAssociated(namespace, app)),
    associated: found.filter((namespace) => isAssociated(namespace, app)),
  };
  return (
    <>
      <nav className={classes.panel} data-open={ns !== undefined} aria-label={t("namespace.list")}>
        <TextInput
          aria-label={t("namespace.filter")}
          placeholder={t("namespace.filter")}
          leftSection={<IconSearch size={16} stroke={1.8} />}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        {(["own", "associated"] as const).map(
          (group) =>
            groups[group].length > 0 && (
              <section key={group} aria-label={t(`namespace.${group}`)}>
                <h2 className={classes.group}>
                  {t(`namespace.${group}`)} <span>{groups[group].length}</span>
                </h2>
                <ul>
                  {groups[group].map((namespace) => (
                    <li key={namespace.namespaceName}>
                      <Link
                        to="/a/$app/c/$env/$cluster/$ns"
                        params={{ app, env, cluster, ns: namespace.namespaceName }}
                        className={classes.entry}
                      >
                        <span className={classes.format}>{shortFormat(namespace.format)}</span>
                        <span className={classes.name}>{namespace.namespaceName}</span>
                        <Unpublished namespace={namespace} />
                      </Link>
                    </li>
                  ))}
                </ul>
              </section>
            ),
        )}
        {found.length === 0 && <p className="note">{t(filter ? "state.noMatch" : "namespace.none")}</p>}
      </nav>
      {ns !== undefined && (
        <nav className={classes.narrow} aria-label={t("namespace.list")}>
          <NativeSelect
            aria-label={t("namespace.list")}
            value={ns}
            data={[...new Set([ns, ...list.map((namespace) => namespace.namespaceName)])]}
            onChange={(event) => onOpen(event.currentTarget.value)}
          />
        </nav>
      )}
    </>
  );
}

function Unpublished({ namespace }: { namespace: OpenNamespaceDTO }) {
  const count = namespace.extendInfo?.itemModifiedCnt ?? 0;
  return count > 0 ? <StateChip state="unpublished" count={count} /> : null;
}

function isAssociated(namespace: OpenNamespaceDTO, app: string): boolean {
  const parent = namespace.extendInfo?.parentAppId;
  return parent !== undefined && parent !== app;
}

function shortFormat(format = "properties"): string {
  return format === "properties" ? "PROP" : format.toUpperCase();
}
