// What the chosen cells change, and where; leads to the preview of the promotion.
import { Button } from "@mantine/core";
import { IconArrowRight, IconFileCheck, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { EnvName } from "../components/EnvSwitch";
import type { Target } from "../components/TargetTree";
import type { Promotion } from "../state/compare";
import classes from "./Compare.module.css";

interface Props {
  from: Target;
  changes: Promotion[];
  /** Cells of the same targets that delete a key. */
  deletions: string[];
  chosen: Set<string>;
  onToggle: (ids: string[], on: boolean) => void;
  onClear: () => void;
  onPreview: () => void;
}

export function CompareBar({ from, changes, deletions, chosen, onToggle, onClear, onPreview }: Props) {
  const { t } = useTranslation();
  const puts = changes.reduce((sum, { puts }) => sum + puts.length, 0);
  const deletes = changes.reduce((sum, { deletes }) => sum + deletes.length, 0);
  const title = t("compare.bar", { count: puts + deletes });
  const included = deletions.length > 0 && deletions.every((id) => chosen.has(id));
  return (
    <section className={classes.bar} aria-label={title}>
      <div>
        <b>{title}</b>
        <span className="row tight">
          <EnvName env={from.env} />
          <IconArrowRight size={14} aria-hidden />
          {[...new Set(changes.map(({ env }) => env))].map((env) => (
            <EnvName key={env} env={env} />
          ))}
        </span>
        <small>
          {t("compare.barPuts", { count: puts })}, {t("compare.barDeletes", { count: deletes })}
        </small>
      </div>
      <Button variant="subtle" onClick={onClear}>
        {t("compare.clear")}
      </Button>
      {deletions.length > 0 && (
        <Button
          variant="default"
          aria-pressed={included}
          leftSection={<IconTrash size={16} stroke={1.8} />}
          onClick={() => onToggle(deletions, !included)}
        >
          {t("compare.includeDeletions", { count: deletions.length })}
        </Button>
      )}
      <Button leftSection={<IconFileCheck size={16} stroke={1.8} />} onClick={onPreview}>
        {t("compare.preview")}
      </Button>
    </section>
  );
}
