// The bar of the selected rows of a namespace, in place of the one of unpublished changes.
import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { CopyAs } from "../components/CopyAs";
import { isChanged, type DraftRow } from "../state/draft";
import classes from "./Namespace.module.css";

interface Props {
  /** Of the namespace. */
  name: string;
  rows: DraftRow[];
  onDelete: (rows: DraftRow[]) => void;
  onSet: (rows: DraftRow[]) => void;
  /** Receives the sentence that reports the result. */
  onCopied: (text: string) => void;
  onRevert: (rows: DraftRow[]) => void;
  onClear: () => void;
}

export function SelectionBar({ name, rows, onDelete, onSet, onCopied, onRevert, onClear }: Props) {
  const { t } = useTranslation();
  const present = rows.filter(({ state }) => state !== "deleted");
  const changed = rows.filter(isChanged);
  return (
    <div className={classes.bar} role="group" aria-label={t("bulk.selected", { count: rows.length })}>
      <div>
        <b>{t("bulk.selected", { count: rows.length })}</b>
      </div>
      <Button variant="subtle" onClick={onClear}>
        {t("bulk.clear")}
      </Button>
      <CopyAs name={name} rows={rows} onCopied={onCopied} />
      {present.length > 0 && (
        <Button variant="default" onClick={() => onSet(present)}>
          {t("bulk.setOpen")}
        </Button>
      )}
      {changed.length > 0 && (
        <Button variant="default" onClick={() => onRevert(changed)}>
          {t("bulk.revert", { count: changed.length })}
        </Button>
      )}
      {present.length > 0 && (
        <Button color="red" onClick={() => onDelete(present)}>
          {t("bulk.delete", { count: present.length })}
        </Button>
      )}
    </div>
  );
}
