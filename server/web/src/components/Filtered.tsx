// A list with a filter above it, if it has more than a few entries.
import { useDeferredValue, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { containsWords } from "../text/paletteQuery";
import { FilterField } from "./FilterField";
import { NoMatch } from "./States";

const FEW = 12;

interface Props<Entry> {
  label: string;
  all: Entry[];
  textOf: (entry: Entry) => string;
  filter: string;
  onFilter: (text: string | undefined) => void;
  children: (found: Entry[]) => ReactNode;
}

export function Filtered<Entry>({ label, all, textOf, filter, onFilter, children }: Props<Entry>) {
  const { t } = useTranslation();
  const wanted = useDeferredValue(filter);
  const found = wanted ? all.filter((entry) => containsWords(textOf(entry), wanted)) : all;
  return (
    <>
      {(all.length > FEW || filter) && (
        <div className="row">
          <FilterField label={label} value={filter} onChange={onFilter} />
          <span className="note" role="status">
            {t("item.shown", { count: found.length, total: all.length })}
          </span>
        </div>
      )}
      {wanted && found.length === 0 ? <NoMatch onClear={() => onFilter(undefined)} /> : children(found)}
    </>
  );
}
