// A table of records with actions on each row; narrow screens show each record as a card.
import { ActionIcon } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Blockable, type Why } from "./Blockable";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  name: string;
  /** Whether it is as wide as its content, on one line. */
  isNarrow?: boolean;
  cell: (row: Row) => ReactNode;
}

export interface RowAction {
  label: string;
  icon: Icon;
  onClick: () => void;
  /** Why it cannot be done now. */
  why?: Why;
}

interface Props<Row> {
  label: string;
  rows: Row[];
  rowKey: (row: Row) => string | number;
  columns: Column<Row>[];
  actions?: ((row: Row) => RowAction[]) | undefined;
}

export function DataTable<Row>({ label, rows, rowKey, columns, actions }: Props<Row>) {
  const { t } = useTranslation();
  return (
    <div className={classes.frame}>
      {/* Cards are no table for the eye, but the roles keep it one for screen readers. */}
      <table className={classes.table} role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ name }) => (
              <th key={name} role="columnheader" scope="col">
                {name}
              </th>
            ))}
            {actions && (
              <th role="columnheader" scope="col">
                <span className="unseen">{t("table.actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row">
              {columns.map(({ name, cell, isNarrow = false }) => (
                <td key={name} role="cell" data-label={name} className={isNarrow ? classes.narrow : undefined}>
                  <div>{cell(row)}</div>
                </td>
              ))}
              {actions && (
                <td role="cell" className={classes.actions}>
                  <Actions list={actions(row)} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Actions({ list }: { list: RowAction[] }) {
  return (
    <div>
      {list.map(({ label, icon: Sign, onClick, why }) => (
        <Blockable key={label} label={label} why={why}>
          <ActionIcon variant="subtle" size="lg" aria-label={label} onClick={onClick}>
            <Sign size={17} stroke={1.8} />
          </ActionIcon>
        </Blockable>
      ))}
    </div>
  );
}
