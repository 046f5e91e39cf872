// The bar that counts the unpublished changes of a namespace, until there are none.
import { Button } from "@mantine/core";
import { IconArrowBackUp, IconCloudUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { Place } from "../api/queries";
import { CHANGES, type ChangeCounts } from "../state/draft";
import classes from "./Namespace.module.css";
import type { Access } from "./NamespaceAccess";
import { publishing } from "./NamespaceItems";

interface Props {
  place: Place;
  counts: ChangeCounts;
  access: Access | undefined;
  /** Undefined if the user may not edit. */
  onDiscard: (() => void) | undefined;
}

export function ChangeBar({ place, counts, access, onDiscard }: Props) {
  const { t, i18n } = useTranslation();
  const title = t("change.title", { count: counts.all, name: place.ns });
  const kinds = CHANGES.filter((change) => counts[change] > 0).map((change) =>
    t(`change.${change}`, { count: counts[change] }),
  );
  return (
    <section className={classes.bar} aria-label={title}>
      <IconCloudUp size={20} stroke={1.8} aria-hidden />
      <div>
        <b>{title}</b>
        <small>{t("change.detail", { list: new Intl.ListFormat(i18n.language).format(kinds) })}</small>
      </div>
      {onDiscard && (
        <Button variant="subtle" leftSection={<IconArrowBackUp size={16} stroke={1.8} />} onClick={onDiscard}>
          {t("change.discard")}
        </Button>
      )}
      <Button
        variant={access?.canPublish ? "filled" : "default"}
        renderRoot={(props) => <Link {...props} {...publishing(place)} />}
        rightSection={<kbd>{"P"}</kbd>}
      >
        {t(access?.canPublish === false ? "change.see" : "change.review")}
      </Button>
    </section>
  );
}
