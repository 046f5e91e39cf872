// Items of a namespace as a grid that renders only the visible rows; narrow screens show them as
// cards. Rows contain no Mantine components, which are too slow when five thousand rows are
// filtered.
import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { ROW_HEIGHT, usePrefs } from "../state/display";
import { isChanged, type DraftRow } from "../state/draft";
import { copied } from "./copy";
import { ItemHead, type Sorting } from "./ItemHead";
import { ItemRow, type ItemEdit, type Origin } from "./ItemRow";
import classes from "./ItemTable.module.css";

const HEAD_HEIGHT = 34;
/** Added to the height of a row with a second line. */
const SECOND_LINE = 18;

interface Props extends Sorting {
  rows: DraftRow[];
  /** Null if the user may not edit; rows then have no controls. */
  edit: ItemEdit | null;
  onHistory: (row: DraftRow) => void;
  selected: ReadonlySet<string>;
  onSelect: (keys: Set<string>) => void;
  /** An additional column with where the value of a row comes from. */
  origin?: ((row: DraftRow) => Origin) | undefined;
}

export function ItemTable({ rows, edit, onHistory, selected, onSelect, origin, sort, onSort }: Props) {
  const { t } = useTranslation();
  const scroller = useRef<HTMLDivElement>(null);
  const focus = useRowFocus(rows.length);
  const height = ROW_HEIGHT[usePrefs().density];
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions change with the scroll, by design
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => height + (rows[index]?.state === "modified" ? SECOND_LINE : 0),
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
      if (event.shiftKey && row) select([row.key, rows[next]?.key ?? row.key], true);
      focus.move(next);
      list.scrollToIndex(next);
    } else if (!row || !act(key, row)) return;
    event.preventDefault();
  };
  const select = (keys: string[], on: boolean) => {
    const others = [...selected].filter((key) => !keys.includes(key));
    onSelect(new Set(on ? [...others, ...keys] : others));
  };
  const toggle = (row: DraftRow) => select([row.key], !selected.has(row.key));
  /** Whether the key of a row has an action. */
  const act = (key: string, row: DraftRow): boolean => {
    const isThere = row.state !== "deleted";
    const isOwn = !row.isInherited;
    const actions: Record<string, (() => void) | false | null | undefined> = {
      Enter: isThere && edit && (() => edit.onEdit(row)),
      e: isThere && edit && (() => edit.onEdit(row)),
      d: isThere && isOwn && edit && (() => edit.onDelete([row])),
      u: isChanged(row) && edit && (() => edit.onRevert([row])),
      x: isOwn && edit && (() => toggle(row)),
      " ": isOwn && edit && (() => toggle(row)),
      h: isOwn && (() => onHistory(row)),
      y: () => void copied(row.value ?? row.live ?? ""),
    };
    const action = actions[key];
    if (!action) return false;
    action();
    return true;
  };
  const own = rows.filter((row) => !row.isInherited);
  const all = own.length > 0 && own.every((row) => selected.has(row.key));

  return (
    <div
      role="grid"
      className={classes.grid}
      data-origin={origin !== undefined}
      data-editable={edit !== null}
      aria-label={t("item.table")}
      aria-rowcount={rows.length + 1}
    >
      <div ref={scroller} role="presentation" className={classes.scroller} onKeyDown={onKeyDown}>
        <div role="row" className={classes.head} aria-rowindex={1}>
          {edit && (
            <span role="columnheader">
              <input
                type="checkbox"
                aria-label={t("bulk.all")}
                checked={all}
                onChange={(event) => onSelect(new Set(event.currentTarget.checked ? own.map((row) => row.key) : []))}
              />
            </span>
          )}
          <ItemHead sort={sort} onSort={onSort} withOrigin={origin !== undefined} />
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
                aria-selected={edit ? selected.has(row.key) : undefined}
                onDoubleClick={edit && row.state !== "deleted" ? () => edit.onEdit(row) : undefined}
                style={{ transform: `translateY(${start - HEAD_HEIGHT}px)` }}
                {...focus.rowProps(index, list.measureElement)}
              >
                <ItemRow
                  row={row}
                  edit={edit}
                  onHistory={onHistory}
                  origin={origin?.(row)}
                  isSelected={selected.has(row.key)}
                  onToggle={() => toggle(row)}
                />
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
