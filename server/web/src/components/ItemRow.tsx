// The cells of one item, with its actions if the user may edit. No Mantine components, as in the
// table.
import { IconArrowBackUp, IconCopy, IconHistory, IconPencil, IconTrash, type Icon } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { isChanged, type DraftRow } from "../state/draft";
import { ITEM_TYPES } from "../text/check";
import { copied } from "./copy";
import classes from "./ItemTable.module.css";
import { Since } from "./Since";
import { StateChip } from "./StateChip";

/** Longer texts would be truncated by the cell anyway, at a cost. */
const SHOWN_CHARACTERS = 250;

export interface ItemEdit {
  /** Edits an item, or overrides an inherited one. */
  onEdit: (row: DraftRow) => void;
  onDelete: (rows: DraftRow[]) => void;
  /** Gives rows their live value again. */
  onRevert: (rows: DraftRow[]) => void;
}

/** Where the value of a row comes from. */
export interface Origin {
  text: string;
  /** Whether it replaces one of the public namespace. */
  isOverride: boolean;
}

interface Props {
  row: DraftRow;
  edit: ItemEdit | null;
  onHistory: (row: DraftRow) => void;
  origin: Origin | undefined;
  isSelected: boolean;
  onToggle: () => void;
}

export function ItemRow({ row, edit, onHistory, origin, isSelected, onToggle }: Props) {
  const { t } = useTranslation();
  const gone = row.state === "deleted";
  return (
    <>
      {edit && row.isInherited && <span role="gridcell" className={classes.select} />}
      {edit && !row.isInherited && (
        <span role="gridcell" className={classes.select}>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={t("bulk.select", { key: row.key })}
            checked={isSelected}
            onChange={onToggle}
          />
        </span>
      )}
      <span role="gridcell" className={classes.state}>
        {isChanged(row) && <StateChip state={row.state} />}
      </span>
      <span role="gridcell" className={classes.key} title={row.key}>
        {gone ? <s>{row.key}</s> : <Key row={row} edit={edit} />}
      </span>
      <span role="gridcell" className={classes.value}>
        {gone ? <s>{short(row.live)}</s> : <span>{short(row.value)}</span>}
        {row.state === "modified" && (
          <small>
            {t("item.live")} <span>{short(row.live)}</span>
          </small>
        )}
      </span>
      {origin !== undefined && (
        <span role="gridcell" className={classes.origin} title={origin.text}>
          {origin.text}
        </span>
      )}
      <span role="gridcell" className={classes.type}>
        {t(`type.${ITEM_TYPES[row.type] ?? "string"}`)}
      </span>
      <span role="gridcell" className={classes.comment} title={row.comment}>
        {row.comment}
      </span>
      <span role="gridcell" className={classes.changed}>
        <Since by={row.by} time={row.at} />
        <span className={classes.actions}>
          <Action
            icon={IconCopy}
            label={t("item.copy", { key: row.key })}
            onClick={() => void copied(row.value ?? row.live ?? "")}
          />
          {!row.isInherited && (
            <Action icon={IconHistory} label={t("item.history", { key: row.key })} onClick={() => onHistory(row)} />
          )}
          {edit && isChanged(row) && (
            <Action
              icon={IconArrowBackUp}
              label={t("item.revert", { key: row.key })}
              onClick={() => edit.onRevert([row])}
            />
          )}
          {edit && !gone && (
            <>
              <Action
                icon={IconPencil}
                label={t(row.isInherited ? "item.override" : "item.edit", { key: row.key })}
                onClick={() => edit.onEdit(row)}
              />
              {!row.isInherited && (
                <Action
                  icon={IconTrash}
                  label={t(origin?.isOverride ? "item.removeOverride" : "item.delete", { key: row.key })}
                  onClick={() => edit.onDelete([row])}
                />
              )}
            </>
          )}
        </span>
      </span>
    </>
  );
}

function Key({ row, edit }: Pick<Props, "row" | "edit">) {
  if (!edit) return row.key;
  return (
    <button type="button" tabIndex={-1} onClick={() => edit.onEdit(row)}>
      {row.key}
    </button>
  );
}

function Action({ icon: Sign, label, onClick }: { icon: Icon; label: string; onClick: () => void }) {
  return (
    <button type="button" tabIndex={-1} aria-label={label} title={label} onClick={onClick}>
      <Sign size={16} stroke={1.8} />
    </button>
  );
}

function short(text: string | null): string {
  return (text ?? "").slice(0, SHOWN_CHARACTERS);
}
