// The heads of the columns of the item table, which order it.
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { columnOf, isDescending, nextSort, SORTS, type Sort } from "../state/sort";

const COLUMNS = ["state", "key", "value", "origin", "type", "comment", "changed"] as const;

export interface Sorting {
  sort: Sort | undefined;
  onSort: (sort: Sort | undefined) => void;
}

interface Props extends Sorting {
  withOrigin: boolean;
}

export function ItemHead({ sort, onSort, withOrigin }: Props) {
  const { t } = useTranslation();
  const sorted = columnOf(sort);
  const direction = isDescending(sort) ? "descending" : "ascending";
  const Arrow = isDescending(sort) ? IconArrowDown : IconArrowUp;
  return COLUMNS.filter((column) => column !== "origin" || withOrigin).map((column) => {
    const order = SORTS.find((known) => known === column);
    const isSorted = sorted === column;
    return (
      <span key={column} role="columnheader" data-column={column} aria-sort={isSorted ? direction : undefined}>
        {order ? (
          <button type="button" onClick={() => onSort(nextSort(sort, order))}>
            {t(`item.${order}`)}
            {isSorted && <Arrow size={14} stroke={2} aria-hidden />}
          </button>
        ) : (
          t(`item.${column}`)
        )}
      </span>
    );
  });
}
