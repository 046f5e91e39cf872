// The views of a namespace, as a row of links above each of them.
import { IconBroadcast, IconFileText, IconGitBranch, IconHistory, IconServer, IconTable } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenNamespaceDTO } from "../api/bodies";
import type { Place } from "../api/queries";
import classes from "./Namespace.module.css";

export function isDocument({ format = "properties" }: Pick<OpenNamespaceDTO, "format">): boolean {
  return format !== "properties";
}

interface Props {
  place: Place;
  isDocument: boolean;
  /** Filter of the items, which is kept. */
  f?: string | undefined;
}

export function NamespaceTabs({ place, isDocument, f }: Props) {
  const { t } = useTranslation();
  return (
    <nav className={`tabs ${classes.tabs}`} aria-label={t("namespace.views")}>
      {!isDocument && (
        <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ f }} activeOptions={{ exact: true }}>
          <IconTable size={16} stroke={1.8} aria-hidden /> {t("namespace.table")}
        </Link>
      )}
      <Link
        to="/a/$app/c/$env/$cluster/$ns"
        params={place}
        search={isDocument ? { f } : { view: "text", f }}
        activeOptions={{ exact: true }}
      >
        <IconFileText size={16} stroke={1.8} aria-hidden /> {t("namespace.text")}
      </Link>
      <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ view: "live", f }}>
        <IconBroadcast size={16} stroke={1.8} aria-hidden /> {t("live.tab")}
      </Link>
      <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ view: "history", f }}>
        <IconHistory size={16} stroke={1.8} aria-hidden /> {t("namespace.history")}
      </Link>
      <Link to="/a/$app/c/$env/$cluster/$ns" params={place} search={{ view: "instances", f }}>
        <IconServer size={16} stroke={1.8} aria-hidden /> {t("instance.title")}
      </Link>
      <Link to="/a/$app/c/$env/$cluster/$ns/gray" params={place} search={{}}>
        <IconGitBranch size={16} stroke={1.8} aria-hidden /> {t("gray.tab")}
      </Link>
    </nav>
  );
}
