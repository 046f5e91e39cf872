// Heads of the columns of the comparison.
import { Checkbox } from "@mantine/core";
import { IconAnchor, IconLock } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { ReadColumn } from "../api/compare";
import { EnvName } from "../components/EnvSwitch";
import { StateChip } from "../components/StateChip";
import type { Target } from "../components/TargetTree";

export function BaselineHead({ base }: { base: Target }) {
  const { t } = useTranslation();
  return (
    <>
      <EnvName env={base.env} /> {base.cluster}
      <span className="note">
        <IconAnchor size={14} aria-hidden /> {t("compare.baseline")}
      </span>
    </>
  );
}

interface Props {
  column: ReadColumn;
  name: string;
  differing: number;
  /** Cells that are chosen with the whole column. */
  choosable: string[];
  chosen: Set<string>;
  isReadOnly: boolean;
  onToggle: (ids: string[], on: boolean) => void;
}

export function ColumnHead({ column, name, differing, choosable, chosen, isReadOnly, onToggle }: Props) {
  const { t } = useTranslation();
  const count = choosable.filter((id) => chosen.has(id)).length;
  const all = count > 0 && count === choosable.length;
  return (
    <>
      {choosable.length > 0 && (
        <Checkbox
          size="xs"
          aria-label={t("compare.chooseAll", { place: name })}
          checked={all}
          indeterminate={count > 0 && !all}
          onChange={() => onToggle(choosable, !all)}
        />
      )}
      <EnvName env={column.env} /> {name !== column.env && column.cluster}
      {column.isOffline ? (
        <StateChip state="offline" />
      ) : (
        <span className="note">
          {column.isPending ? t("state.loading") : t("compare.differing", { count: differing })}
        </span>
      )}
      {isReadOnly && differing > 0 && (
        <span className="note">
          <IconLock size={13} aria-hidden /> {t("compare.readOnly")}
        </span>
      )}
    </>
  );
}
