// Items of a namespace as a grid that renders only the visible rows; narrow screens show them as
// cards. Rows contain no Mantine components, which are too slow when five thousand rows are
// filtered.
import { IconPencil, IconTrash } from "@tabler/icons-react";
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { isChanged, type DraftRow } from "../state/draft";
import { ITEM_TYPES } from "../text/check";
import classes from "./ItemTable.module.css";
import { Since } from "./Since";
import { StateChip } from "./StateChip";

const COLUMNS = ["state", "key", "value", "type", "comment", "changed"] as const;
const HEAD_HEIGHT = 34;
const ROW_HEIGHT = 40;
const TWO_LINES = 58;
/** Longer texts would be truncated by the cell anyway, at a cost. */
const SHOWN_CHARACTERS = 250;

interface Props {
  rows: DraftRow[];
  onEdit: (row: DraftRow) => void;
  onDelete: (row: DraftRow) => void;
}

export function ItemTable({ rows, onEdit, onDelete }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const focus = useRowFocus(rows.length);
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions change with the scroll, by design
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.state === "modified" ? TWO_LINES : ROW_HEIGHT),
    getItemKey: (index) => rows[index]?.key ?? index,
    overscan: 12,
    // The row that Tab leads to is kept, even if it is not visible.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), focus.active])].sort((a, b) => a - b),
    scrollMargin: HEAD_HEIGHT,
    scrollPaddingStart: HEAD_HEIGHT,
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const onRow = target instanceof HTMLElement && target.matches("[role=row]");
    if (!onRow || ctrlKey || metaKey || altKey) return;
    const next = rowAfter(key, focus.active, rows.length);
    const row = rows[focus.active];
    if (next !== null) {
      focus.move(next);
      list.scrollToIndex(next);
    } else if (!row || row.state === "deleted") return;
    else if (key === "Enter" || key === "e") onEdit(row);
    else if (key === "d") onDelete(row);
    else return;
    event.preventDefault();
  };

  return (
    <div role="grid" className={classes.grid} aria-label={t("item.table")} aria-rowcount={rows.length + 1}>
      <div ref={scroller} role="presentation" className={classes.scroller} onKeyDown={onKeyDown}>
        <div role="row" className={classes.head} aria-rowindex={1}>
          {COLUMNS.map((column) => (
            <span key={column} role="columnheader">
              {t(`item.${column}`)}
            </span>
          ))}
        </div>
        <div role="rowgroup" className={classes.sizer} style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map(({ index, key, start }) => {
            const row = rows[index];
            if (!row) return null;
            return (
              <div
                key={key}
                role="row"
                className={classes.row}
                data-index={index}
                data-state={row.state}
                aria-rowindex={index + 2}
                style={{ transform: `translateY(${start - HEAD_HEIGHT}px)` }}
                {...focus.rowProps(index, list.measureElement)}
              >
                <Cells row={row} onEdit={onEdit} onDelete={onDelete} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/**
 * One row of the grid is in the tab order; keys move the focus from there, also to rows that are
 * not rendered yet.
 */
function useRowFocus(count: number) {
  const [chosen, setChosen] = useState(0);
  const [wanted, setWanted] = useState(false);
  const active = Math.min(chosen, count - 1);
  const move = (index: number) => {
    setChosen(index);
    setWanted(true);
  };
  const rowProps = (index: number, measure: (element: HTMLElement | null) => void) => ({
    tabIndex: index === active ? 0 : -1,
    onFocus: () => setChosen(index),
    ref: (element: HTMLElement | null) => {
      measure(element);
      if (index !== active || !element || !wanted) return;
      element.focus({ preventScroll: true });
      setWanted(false);
    },
  });
  return { active, move, rowProps };
}

/** The row that a key of the grid leads to, or null for any other key. */
function rowAfter(key: string, active: number, count: number): number | null {
  const targets: Record<string, number> = {
    ArrowDown: active + 1,
    j: active + 1,
    ArrowUp: active - 1,
    k: active - 1,
    Home: 0,
    End: count - 1,
  };
  const target = targets[key];
  return target === undefined ? null : Math.min(Math.max(target, 0), count - 1);
}

function Cells({ row, onEdit, onDelete }: Omit<Props, "rows"> & { row: DraftRow }) {
  const { t } = useTranslation();
  const gone = row.state === "deleted";
  return (
    <>
      <span role="gridcell" className={classes.state}>
        {isChanged(row) && <StateChip state={row.state} />}
      </span>
      <span role="gridcell" className={classes.key} title={row.key}>
        {gone ? (
          <s>{row.key}</s>
        ) : (
          <button type="button" tabIndex={-1} onClick={() => onEdit(row)}>
            {row.key}
          </button>
        )}
      </span>
      <span role="gridcell" className={classes.value}>
        {gone ? <s>{short(row.live)}</s> : <span>{short(row.value)}</span>}
        {row.state === "modified" && (
          <small>
            {t("item.live")} <span>{short(row.live)}</span>
          </small>
        )}
      </span>
      <span role="gridcell" className={classes.type}>
        {t(`type.${ITEM_TYPES[row.type] ?? "string"}`)}
      </span>
      <span role="gridcell" className={classes.comment} title={row.comment}>
        {row.comment}
      </span>
      <span role="gridcell" className={classes.changed}>
        {row.by} <Since time={row.at} />
        {!gone && (
          <span className={classes.actions}>
            <button
              type="button"
              tabIndex={-1}
              aria-label={t("item.edit", { key: row.key })}
              onClick={() => onEdit(row)}
            >
              <IconPencil size={16} stroke={1.8} />
            </button>
            <button
              type="button"
              tabIndex={-1}
              aria-label={t("item.delete", { key: row.key })}
              onClick={() => onDelete(row)}
            >
              <IconTrash size={16} stroke={1.8} />
            </button>
          </span>
        )}
      </span>
    </>
  );
}

function short(text: string | null): string {
  return (text ?? "").slice(0, SHOWN_CHARACTERS);
}
