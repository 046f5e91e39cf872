// The compared keys, which of them are chosen, and the dialogs that show or promote them.
import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAddMissing, usePromote, type ReadColumn } from "../api/compare";
import { useMayCreate, useWritable } from "../api/rights";
import { CompareMatrix, hasLines } from "../components/CompareMatrix";
import { Dialog } from "../components/Dialog";
import { DiffView } from "../components/DiffView";
import { Empty, Failure } from "../components/States";
import { cellAt, cellId, isPromotable, promotions } from "../state/compare";
import type { CompareGroup, CompareRow, Promotion, Side } from "../state/compare";
import { useShared } from "../state/share";
import { CompareBar } from "./CompareBar";
import { BaselineHead, ColumnHead } from "./CompareHeads";
import { ComparePromote } from "./ComparePromote";
import { label, short } from "./CompareToolbar";

const route = getRouteApi("/in/a/$app/compare");

interface Props {
  app: string;
  base: ReadColumn;
  columns: ReadColumn[];
  side: Side;
  /** Without the rows that the filter hides. */
  groups: CompareGroup[];
  /** Number of keys that the filter selects from. */
  total: number;
  onShowAll: () => void;
}

export function CompareResult({ app, base, columns, side, groups, total, onShowAll }: Props) {
  const { t } = useTranslation();
  const isNarrow = useMediaQuery("(max-width: 767px)", false, { getInitialValueInEffect: false });
  const { sel } = route.useSearch();
  const navigate = route.useNavigate();
  // Ids are in one line each.
  const [chosen, setSelection] = useState(() => new Set(sel?.split("\n")));
  useShared({ sel: [...chosen].join("\n") || undefined });
  const setChosen = (change: (old: Set<string>) => Set<string>) => {
    setSelection(change);
    if (sel !== undefined) void navigate({ search: (old) => ({ ...old, sel: undefined }), replace: true });
  };
  /** Id of a cell, whose position changes with the places that are compared. */
  const [opened, setOpened] = useState<string | null>(null);
  const cell = opened === null ? null : cellAt(opened, groups, columns);
  if (opened !== null && !cell) setOpened(null);
  const [promoting, setPromoting] = useState<Promotion[] | null>(null);
  const withDifferences = groups.filter((group) => group.rows.some((row) => row.isDifferent)).map(({ ns }) => ns);
  const mayEdit = useWritable(app, columns, withDifferences);
  const isWritable = ({ ns }: CompareGroup, column: number) =>
    columns[column] !== undefined && mayEdit(columns[column], ns) === true;
  const write = usePromote(app);
  const add = useAddMissing(app);
  const mayAdd = useMayCreate("Namespace", app) ?? false;

  const promotion = (ids: Set<string>) => promotions(groups, columns, ids, base, side);
  const copy = useMutation({
    mutationFn: async ({ row, target }: { row: CompareRow; target: ReadColumn }) => {
      for (const change of promotion(new Set([cellId(target, row)]))) await write(change);
    },
  });
  const toggle = (ids: string[], on: boolean) =>
    setChosen((old) => new Set(on ? [...old, ...ids] : [...old].filter((id) => !ids.includes(id))));
  /** The cells of a column that can be chosen, either those that delete a key or the others. */
  const cells = (column: ReadColumn, index: number, deletions: boolean) =>
    groups.flatMap((group) =>
      group.rows
        .filter(({ cells }) => isWritable(group, index) && isPromotable(group, cells[index]))
        .filter(({ cells }) => (cells[index]?.state === "extra") === deletions)
        .map((row) => cellId(column, row)),
    );

  const changes = promotion(chosen);
  const isOneCluster = columns.every(({ cluster }) => cluster === base.cluster);
  const names = [isNarrow && isOneCluster ? base.env : label(base), ...columns.map(short(base))];
  const heads = columns.map((column, index) => (
    <ColumnHead
      key={index}
      column={column}
      name={names[index + 1] ?? ""}
      differing={groups.flatMap(({ rows }) => rows).filter(({ cells }) => isDifference(cells[index]?.state)).length}
      choosable={cells(column, index, false)}
      chosen={chosen}
      isReadOnly={withDifferences.length > 0 && withDifferences.every((ns) => mayEdit(column, ns) === false)}
      onToggle={toggle}
    />
  ));
  const isEmpty = !groups.some(hasLines);
  return (
    <>
      {(copy.error ?? add.error) && <Failure error={copy.error ?? add.error} />}
      <p role="status" className={copy.isSuccess ? "note" : "unseen"}>
        {copy.isSuccess &&
          t("compare.copied", { key: copy.variables.row.key, place: short(base)(copy.variables.target) })}
      </p>
      {isEmpty ? (
        <Empty title={total === 0 ? t("compare.noKeys") : t("compare.nothing", { count: total })}>
          {total > 0 && (
            <Button variant="default" onClick={onShowAll}>
              {t("compare.showAll")}
            </Button>
          )}
        </Empty>
      ) : (
        <CompareMatrix
          label={t("compare.title")}
          groups={groups}
          columns={columns}
          heads={[<BaselineHead key="base" base={base} />, ...heads]}
          names={names}
          chosen={chosen}
          isWritable={isWritable}
          isKnown={(column) => columns[column]?.namespaces !== null}
          isNarrow={isNarrow}
          onChoose={(id) => toggle([id], !chosen.has(id))}
          // A second press would be refused, because the first one has changed the target.
          onCopy={(row, column) => columns[column] && !copy.isPending && copy.mutate({ row, target: columns[column] })}
          onOpen={(row, column) => columns[column] && setOpened(cellId(columns[column], row))}
          onAdd={mayAdd ? (column) => columns[column] && !add.isPending && add.mutate(columns[column]) : undefined}
        />
      )}
      {changes.length > 0 && (
        <CompareBar
          from={base}
          changes={changes}
          deletions={columns.flatMap((column, index) => (isTarget(changes, column) ? cells(column, index, true) : []))}
          chosen={chosen}
          onToggle={toggle}
          onClear={() => setChosen(() => new Set())}
          onPreview={() => setPromoting(changes)}
        />
      )}
      {cell && (
        <Dialog
          title={t("compare.diffTitle", { from: names[cell.column + 1] ?? "", to: names[0] ?? "" })}
          size="xl"
          onClose={() => setOpened(null)}
        >
          <CellDiff {...cell} />
        </Dialog>
      )}
      {promoting && (
        <ComparePromote
          app={app}
          base={base}
          changes={promoting}
          onClose={() => setPromoting(null)}
          onDone={() => setChosen(() => new Set())}
        />
      )}
    </>
  );
}

/** From the value of the target to that of the baseline, as a promotion would change it. */
function CellDiff({ row, column }: { row: CompareRow; column: number }) {
  const [before, after] = [row.cells[column]?.value ?? null, row.base.value];
  const state = before === null ? "added" : after === null ? "deleted" : "modified";
  return <DiffView ns={row.ns} changes={[{ key: row.key, state, before, after }]} />;
}

function isDifference(state: string | undefined): boolean {
  return state === "differs" || state === "missing" || state === "extra";
}

function isTarget(changes: Promotion[], { env, cluster }: ReadColumn): boolean {
  return changes.some((change) => change.env === env && change.cluster === cluster);
}
