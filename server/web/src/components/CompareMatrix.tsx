// Keys of several namespaces as rows, a baseline and the places compared with it as columns. Renders
// only the visible rows; arrow keys move between the cells. Knows no page and fetches nothing.
import {
  IconArrowRight,
  IconCloudUp,
  IconEqual,
  IconEqualNot,
  IconMinus,
  IconPlus,
  IconTrash,
} from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Fragment, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { cellId, isPromotable, type Cell, type Gap, type CompareGroup, type CompareRow } from "../state/compare";
import classes from "./CompareMatrix.module.css";
import type { Target } from "./TargetTree";

const ROW_HEIGHT = 40;
const CARD_HEIGHT = 116;
/** Longer texts would be truncated by the cell anyway, at a cost. */
const SHOWN_CHARACTERS = 200;

type Line = { group: CompareGroup; row?: CompareRow };

interface Props {
  label: string;
  groups: CompareGroup[];
  columns: Target[];
  /** Heads of the baseline and of each column. */
  heads: ReactNode[];
  /** Short names of the baseline and of each column, for narrow screens and screen readers. */
  names: string[];
  chosen: Set<string>;
  isWritable: (group: CompareGroup, column: number) => boolean;
  /** Whether the column could be read. */
  isKnown: (column: number) => boolean;
  isNarrow: boolean;
  onChoose: (id: string) => void;
  /** Copies the value of the baseline to one place. */
  onCopy: (row: CompareRow, column: number) => void;
  onOpen: (row: CompareRow, column: number) => void;
  /** Adds the namespaces that a column lacks; absent if the user may not. */
  onAdd: ((column: number) => void) | undefined;
}

/** Whether a namespace is shown, because it has rows or cannot be compared. */
export function hasLines({ rows, gaps }: CompareGroup): boolean {
  return rows.length > 0 || [gaps.base, ...gaps.columns].some((gap) => gap === "absent" || gap === "hidden");
}

export function CompareMatrix(props: Props) {
  const { t } = useTranslation();
  const { groups, columns, heads, isNarrow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useMemo(
    () =>
      groups.flatMap<Line>((group) =>
        hasLines(group) ? [{ group }, ...group.rows.map((row) => ({ group, row }))] : [],
      ),
    [groups],
  );
  const [active, setActive] = useState({ line: 1, column: 0 });
  const wanted = useRef(false);
  const height = isNarrow ? CARD_HEIGHT : ROW_HEIGHT;
  // eslint-disable-next-line react-hooks/incompatible-library -- its functions change with the scroll, by design
  const list = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (lines[index]?.row ? height : ROW_HEIGHT),
    overscan: 10,
  });
  const move = (line: number, column: number) => {
    const last = lines.length - 1;
    setActive({ line: Math.max(0, Math.min(last, line)), column: Math.max(0, Math.min(columns.length - 1, column)) });
    wanted.current = true;
    list.scrollToIndex(Math.max(0, Math.min(last, line)));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.target instanceof HTMLElement) || !event.target.matches("[role=gridcell]")) return;
    const { line, column } = active;
    const { group, row } = lines[line] ?? {};
    const steps: Record<string, [number, number]> = {
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    const target = columns[column];
    if (step) move(line + step[0], column + step[1]);
    else if (!row || !group || !target) return;
    else if (event.key === "Enter") props.onOpen(row, column);
    else if (event.key === " " && props.isWritable(group, column) && isPromotable(group, row.cells[column])) {
      props.onChoose(cellId(target, row));
    } else return;
    event.preventDefault();
  };
  const widths = columns.map((_, column) => (props.isKnown(column) ? "minmax(200px, 1fr)" : "150px"));
  const grid = { gridTemplateColumns: `minmax(180px, 1.1fr) minmax(170px, 1fr) ${widths.join(" ")}` };
  const focus = (index: number, column: number) => ({
    tabIndex: index === active.line && column === active.column ? 0 : -1,
    onFocus: () => setActive({ line: index, column }),
    ref: (element: HTMLElement | null) => {
      if (!wanted.current || index !== active.line || column !== active.column || !element) return;
      element.focus({ preventScroll: true });
      wanted.current = false;
    },
  });
  return (
    <div ref={scroller} className={classes.scroller} data-narrow={isNarrow}>
      <div
        role="grid"
        aria-label={props.label}
        aria-rowcount={lines.length + 1}
        className={classes.grid}
        onKeyDown={onKeyDown}
      >
        <div role="row" aria-rowindex={1} className={classes.head} style={grid}>
          <span role="columnheader">{t("compare.key")}</span>
          {heads.map((head, index) => (
            <span key={index} role="columnheader">
              {head}
            </span>
          ))}
        </div>
        <div role="rowgroup" className={classes.sizer} style={{ height: list.getTotalSize() }}>
          {list.getVirtualItems().map(({ index, start }) => {
            const line = lines[index];
            if (!line) return null;
            const place = { transform: `translateY(${start}px)`, ...(!(isNarrow && line.row) && grid) };
            return line.row ? (
              <div
                key={index}
                role="row"
                aria-rowindex={index + 2}
                className={classes.row}
                style={{ ...place, height }}
              >
                <Row {...props} group={line.group} row={line.row} focus={(column) => focus(index, column)} />
              </div>
            ) : (
              <div key={index} role="row" aria-rowindex={index + 2} className={classes.group} style={place}>
                <GroupCells {...props} group={line.group} focus={(column) => focus(index, column)} />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

type Focus = (column: number) => object;

function GroupCells({ group, columns, onAdd, isNarrow, focus }: Props & { group: CompareGroup; focus: Focus }) {
  const { t } = useTranslation();
  return (
    <>
      <span role="rowheader" className={classes.name}>
        <b>{group.ns}</b> <span className="badge">{group.format}</span>
        <span className={classes.counts}>
          {t("compare.group", { count: group.differing, equal: group.total - group.differing })}
        </span>
      </span>
      <span role="gridcell" className={isNarrow ? "unseen" : undefined}>
        {group.gaps.base && t(`compare.state.${group.gaps.base}`)}
      </span>
      {columns.map((column, index) => (
        <span key={`${column.env}/${column.cluster}`} role="gridcell" {...focus(index)}>
          {group.gaps.columns[index] && t(`compare.state.${group.gaps.columns[index]}`)}
          {group.gaps.columns[index] === "absent" && onAdd && (
            <button type="button" className={classes.act} onClick={() => onAdd(index)}>
              {t("compare.add")}
            </button>
          )}
        </span>
      ))}
    </>
  );
}

function Row(props: Props & { group: CompareGroup; row: CompareRow; focus: Focus }) {
  const { t } = useTranslation();
  const { row, columns, names, focus } = props;
  return (
    <>
      <span role="rowheader" className={classes.key} title={row.key}>
        <Breakable text={row.key} />
      </span>
      <span role="gridcell" className={classes.cell}>
        <small className={classes.place}>{names[0]}</small>
        {row.base.value === null ? <NotSet /> : <Value value={row.base.value} />}
        <Draft cell={row.base} />
      </span>
      {columns.map((column, index) => {
        const cell = row.cells[index];
        if (!cell) return null;
        const name = names[index + 1] ?? "";
        const about = t("compare.cell", { key: row.key, place: name });
        return (
          <span
            key={`${column.env}/${column.cluster}`}
            role="gridcell"
            className={classes.cell}
            data-state={cell.state}
            data-chosen={props.chosen.has(cellId(column, row))}
            {...focus(index)}
          >
            <TargetCell {...props} cell={cell} column={index} name={name} about={about} />
          </span>
        );
      })}
    </>
  );
}

/** Broken between its parts rather than inside of one. */
function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[._/-])/).map((part, index) => (
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

interface CellProps extends Props {
  group: CompareGroup;
  row: CompareRow;
  cell: Cell;
  column: number;
  name: string;
  about: string;
}

function TargetCell({ group, row, cell, column, name, about, ...props }: CellProps) {
  const { t } = useTranslation();
  const target = props.columns[column];
  const place = (
    <>
      <span className="unseen">{about}</span>
      <small className={classes.place} aria-hidden>
        {name}
      </small>
    </>
  );
  if (cell.state === "unknown" || cell.state === "absent" || cell.state === "hidden" || !target) {
    return (
      <>
        {place} <span className="note">{t(`compare.state.${cell.state}`)}</span>
      </>
    );
  }
  const id = cellId(target, row);
  const isChosen = props.chosen.has(id);
  const mayChoose = props.isWritable(group, column) && isPromotable(group, cell);
  return (
    <>
      {mayChoose && (
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={about}
          checked={isChosen}
          onChange={() => props.onChoose(id)}
        />
      )}
      {place}
      <Verdict state={cell.state} />
      <Change cell={cell} base={row.base} isChosen={isChosen} />
      <Draft cell={cell} />
      {cell.state !== "same" && cell.state !== "unset" && (
        <span className={classes.acts}>
          <button type="button" tabIndex={-1} className={classes.act} onClick={() => props.onOpen(row, column)}>
            {t("compare.diff")}
          </button>
          {mayChoose && cell.state !== "extra" && (
            <button type="button" tabIndex={-1} className={classes.act} onClick={() => props.onCopy(row, column)}>
              {t("compare.copy")}
            </button>
          )}
        </span>
      )}
    </>
  );
}

function Verdict({ state }: { state: Exclude<Cell["state"], Gap> }) {
  const { t } = useTranslation();
  if (state === "unset") return <NotSet />;
  if (state === "same") {
    return (
      <span className={classes.same}>
        <IconEqual size={13} aria-hidden /> {t("compare.state.same")}
      </span>
    );
  }
  const [Icon, chip] = {
    differs: [IconEqualNot, "modified"] as const,
    missing: [IconPlus, "added"] as const,
    extra: [IconTrash, "deleted"] as const,
  }[state];
  return (
    <span className="chip" data-state={chip}>
      <Icon size={13} stroke={1.8} aria-hidden />
      {t(`compare.state.${state}`)}
    </span>
  );
}

function Change({ cell, base, isChosen }: { cell: Cell; base: Cell; isChosen: boolean }) {
  if (cell.state === "same" || cell.state === "unset") return null;
  const old = cell.value !== null && <Value value={cell.value} />;
  if (!isChosen) return old || null;
  return (
    <>
      {old && <s className={classes.value}>{old}</s>}
      {base.value !== null && (
        <>
          <IconArrowRight size={14} className={classes.arrow} aria-hidden />
          <b className={classes.new}>
            <Value value={base.value} />
          </b>
        </>
      )}
    </>
  );
}

function Draft({ cell }: { cell: Cell }) {
  const { t } = useTranslation();
  if (cell.draft === undefined) return null;
  const text = cell.draft ?? t("compare.draftDeleted");
  return (
    <span className={classes.draft} title={t("compare.draftTip", { value: text.slice(0, SHOWN_CHARACTERS) })}>
      <span className="chip" data-state="unpublished">
        <IconCloudUp size={13} stroke={1.8} aria-hidden />
        {t("compare.draftChip")}
      </span>
      <span className="unseen">{text.slice(0, SHOWN_CHARACTERS)}</span>
    </span>
  );
}

function NotSet() {
  const { t } = useTranslation();
  return (
    <span className={classes.same}>
      <IconMinus size={13} aria-hidden /> {t("compare.state.unset")}
    </span>
  );
}

function Value({ value }: { value: string }) {
  const { t } = useTranslation();
  const lines = value.split("\n").length;
  return (
    <span className={classes.value} title={value.slice(0, 2000)}>
      {value === "" ? t("compare.emptyText") : value.slice(0, SHOWN_CHARACTERS)}
      {lines > 1 && <small> {t("compare.lines", { count: lines })}</small>}
    </span>
  );
}
