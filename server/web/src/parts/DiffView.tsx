// What changes, key by key: before at the left and after at the right, below each other on narrow screens.
import { IconAlertTriangleFilled, IconFold } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Change } from "../state/draft";
import { diffRows, foldSame, type Line } from "../text/diff";
import { prettyJson } from "../text/format";
import classes from "./DiffView.module.css";
import { Since } from "./Since";
import { StateChip } from "./StateChip";

export interface KeyChange {
  key: string;
  state: Change;
  /** Null for a value that does not exist. */
  before: string | null;
  after: string | null;
  by?: string;
  at?: string | undefined;
}

export function DiffView({ changes }: { changes: KeyChange[] }) {
  return (
    <div className={classes.diff}>
      {changes.map((change) => (
        <KeyDiff key={change.key} change={change} />
      ))}
    </div>
  );
}

function KeyDiff({ change }: { change: KeyChange }) {
  const { t } = useTranslation();
  const { rows, formatted } = useMemo(() => compare(change.before, change.after), [change.before, change.after]);
  return (
    <section aria-label={change.key}>
      <h2 className={classes.head}>
        <span className={classes.key}>{change.key}</span>
        <StateChip state={change.state} />
        {change.at && (
          <span className={classes.who}>
            {change.by} <Since time={change.at} />
          </span>
        )}
      </h2>
      <div className={classes.lines}>
        {rows.map((row, index) =>
          row.kind === "fold" ? (
            <div key={index} className={classes.fold}>
              <IconFold size={14} aria-hidden /> {t("diff.folded", { count: row.lines })}
            </div>
          ) : (
            <div key={index} className={classes.row} data-kind={row.kind}>
              <Side line={row.before} side="removed" changed={row.kind === "changed"} />
              <Side line={row.after} side="added" changed={row.kind === "changed"} />
            </div>
          ),
        )}
      </div>
      {formatted && <p className={classes.note}>{t("diff.formatted")}</p>}
      {change.state === "deleted" && (
        <p className={classes.note}>
          <IconAlertTriangleFilled size={14} aria-hidden /> {t("diff.deleted")}
        </p>
      )}
    </section>
  );
}

function Side({ line, side, changed }: { line: Line | null; side: "removed" | "added"; changed: boolean }) {
  const { t } = useTranslation();
  if (!line) return <div className={classes.none} />;
  return (
    <div className={classes.line} data-side={changed ? side : "same"}>
      <span className={classes.number} aria-hidden>
        {line.number}
      </span>
      <span className={classes.sign} aria-hidden>
        {changed && (side === "removed" ? "−" : "+")}
      </span>
      <code>
        {changed && <span className="unseen">{t(`diff.${side}`)} </span>}
        {line.words.map((word, index) => (word.changed ? <mark key={index}>{word.text}</mark> : word.text))}
      </code>
    </div>
  );
}

function compare(before: string | null, after: string | null) {
  const pretty = [before, after].map((text) => (text === null ? null : prettyJson(text)));
  const formatted = pretty.some((text, side) => text !== null && text !== [before, after][side]);
  const [from, to] = [pretty[0] ?? before, pretty[1] ?? after];
  return { rows: foldSame(diffRows(from, to)), formatted };
}
