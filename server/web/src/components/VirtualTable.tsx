// A table of many rows, of which only the visible ones are rendered; on narrow screens a row becomes
// a card of lines. The first cell contains the link of the row.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type ReactNode } from "react";

import { ROW_HEIGHT, usePrefs } from "../state/display";
import classes from "./VirtualTable.module.css";

const OVERSCAN = 12;

export interface Column<Row> {
  name: string;
  /** Share of the width. */
  width: number;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string;
}

export function VirtualTable<Row>({ label, columns, rows, rowKey }: Props<Row>) {
  const scroll = useRef<HTMLDivElement>(null);
  const { density } = usePrefs();
  // The compiler's rule names this hook: its functions must not be memoised, and they are not.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT[density],
    getItemKey: (index) => rowKey(rows[index] as Row),
    overscan: OVERSCAN,
  });
  const grid = { gridTemplateColumns: columns.map(({ width }) => `minmax(0, ${width}fr)`).join(" ") };
  return (
    // It can have the focus, so that keys scroll it.
    <div ref={scroll} className={classes.scroll} tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={rows.length + 1}>
        <div role="rowgroup" className={classes.head}>
          <div role="row" aria-rowindex={1} className={classes.row} style={grid}>
            {columns.map(({ name }) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className={classes.body} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => (
            <div
              key={key}
              role="row"
              aria-rowindex={index + 2}
              data-index={index}
              ref={virtual.measureElement}
              className={classes.row}
              style={{ ...grid, transform: `translateY(${start}px)` }}
            >
              {columns.map(({ name, cell }) => (
                <span key={name} role="cell" data-label={name}>
                  {cell(rows[index] as Row)}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
