// What changes, key by key: before at the left and after at the right, or below each other on narrow
// screens and for users who prefer that.
import { Button } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import {
  IconAlertTriangleFilled,
  IconAlignLeft,
  IconColumns2,
  IconFold,
  IconListDetails,
  IconSitemap,
} from "@tabler/icons-react";
import { Fragment, useMemo } from "react";
import { useTranslation } from "react-i18next";

import { setPrefs, usePrefs } from "../state/display";
import type { KeyChange } from "../state/draft";
import type { ViewState } from "../state/viewed";
import { languageOf, pieces, type Coloured } from "../text/colour";
import { diffRows, foldSame, type Line } from "../text/diff";
import { prettyJson } from "../text/format";
import classes from "./DiffView.module.css";
import { PathDiff, usePathChanges } from "./PathDiff";
import { Since } from "./Since";
import { StateChip } from "./StateChip";
import { useColours } from "./useColours";

export type { KeyChange };

/** Below this width both sides do not fit beside each other. */
const NARROW = "(max-width: 1120px)";

interface Props {
  changes: KeyChange[];
  /** The namespace, whose name determines the language of a document. */
  ns?: string | undefined;
  /** What they belong to, where keys of several namespaces may be equal. */
  owner?: string | undefined;
  /** For a review whose changes are ticked off. */
  review?: Review | undefined;
}

export interface Review {
  state: (change: KeyChange) => ViewState;
  toggle: (change: KeyChange) => void;
}

export function DiffView({ changes, ns = "", owner, review }: Props) {
  const { t } = useTranslation();
  const { inlineDiff, pathDiff } = usePrefs();
  const isNarrow = useMediaQuery(NARROW, false, { getInitialValueInEffect: false });
  if (changes.length === 0) return null;
  const hasPaths = changes.some(({ key }) => isStructured(ns, key));
  return (
    <div className={classes.diff} data-inline={isNarrow || inlineDiff}>
      {(!isNarrow || hasPaths) && (
        <div className={classes.layout}>
          {hasPaths && (
            <Button
              size="compact-sm"
              variant="subtle"
              leftSection={pathDiff ? <IconAlignLeft size={16} stroke={1.8} /> : <IconSitemap size={16} stroke={1.8} />}
              onClick={() => setPrefs({ pathDiff: !pathDiff })}
            >
              {t(pathDiff ? "diff.lines" : "diff.paths")}
            </Button>
          )}
          {!isNarrow && (
            <Button
              size="compact-sm"
              variant="subtle"
              leftSection={
                inlineDiff ? <IconColumns2 size={16} stroke={1.8} /> : <IconListDetails size={16} stroke={1.8} />
              }
              onClick={() => setPrefs({ inlineDiff: !inlineDiff })}
            >
              {t(inlineDiff ? "diff.split" : "diff.inline")}
            </Button>
          )}
        </div>
      )}
      {changes.map((change) => (
        <KeyDiff key={change.key} change={change} ns={ns} owner={owner} review={review} />
      ))}
    </div>
  );
}

/** Whether a document consists of values with paths. */
function isStructured(ns: string, key: string): boolean {
  const language = languageOf(ns, key);
  return language === "json" || language === "yaml";
}

function KeyDiff({ change, ns, owner, review }: Omit<Props, "changes"> & { change: KeyChange; ns: string }) {
  const { t } = useTranslation();
  const viewed = review?.state(change);
  const byPath = usePrefs().pathDiff && isStructured(ns, change.key);
  const paths = usePathChanges(change, byPath);
  const { rows, formatted, from, to, isJson } = useMemo(
    () => compare(change.before, change.after),
    [change.before, change.after],
  );
  const language = isJson ? "json" : languageOf(ns, change.key);
  const removed = useColours(from, language);
  const added = useColours(to, language);
  return (
    <section
      aria-label={owner ? `${change.key}, ${owner}` : change.key}
      tabIndex={review ? -1 : undefined}
      data-change={review ? "" : undefined}
    >
      <h2 className={classes.head}>
        <span className={classes.key}>{change.key}</span>
        <StateChip state={change.state} />
        <span className={classes.meta}>
          {change.at && (
            <span>
              <Since by={change.by} time={change.at} />
            </span>
          )}
          {viewed === "outdated" && (
            <span className="chip" data-state="late">
              {t("diff.outdated")}
            </span>
          )}
          {review && (
            <label className={classes.viewed}>
              <input type="checkbox" checked={viewed === "viewed"} onChange={() => review.toggle(change)} />
              {t("diff.viewed")}
              <span className="unseen">{change.key}</span>
            </label>
          )}
        </span>
      </h2>
      <div hidden={viewed === "viewed"}>
        {byPath && paths === null && <p className={classes.note}>{t("diff.unparsed")}</p>}
        {byPath && paths && <PathDiff changes={paths} />}
        {(!byPath || paths === null) &&
          rows.map((row, index) =>
            row.kind === "fold" ? (
              <div key={index} className={classes.fold}>
                <IconFold size={14} aria-hidden /> {t("diff.folded", { count: row.lines })}
              </div>
            ) : (
              <div key={index} className={classes.row} data-kind={row.kind}>
                <Side line={row.before} colours={removed} side="removed" changed={row.kind === "changed"} />
                <Side line={row.after} colours={added} side="added" changed={row.kind === "changed"} />
              </div>
            ),
          )}
      </div>
      {formatted && !byPath && <p className={classes.note}>{t("diff.formatted")}</p>}
      {change.state === "deleted" && (
        <p className={classes.note}>
          <IconAlertTriangleFilled size={14} aria-hidden /> {t("diff.deleted")}
        </p>
      )}
    </section>
  );
}

interface SideProps {
  line: Line | null;
  /** Of all lines of the text. */
  colours: Coloured[][];
  side: "removed" | "added";
  changed: boolean;
}

function Side({ line, colours, side, changed }: SideProps) {
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
        {pieces(line.words, colours[line.number - 1] ?? []).map((parts, index) => {
          const shown = parts.map(({ text, kind }, at) =>
            kind ? (
              <span key={at} data-syntax={kind}>
                {text}
              </span>
            ) : (
              text
            ),
          );
          return line.words[index]?.changed ? (
            <mark key={index}>{shown}</mark>
          ) : (
            <Fragment key={index}>{shown}</Fragment>
          );
        })}
      </code>
    </div>
  );
}

function compare(before: string | null, after: string | null) {
  const pretty = [before, after].map((text) => (text === null ? null : prettyJson(text)));
  const formatted = pretty.some((text, side) => text !== null && text !== [before, after][side]);
  const [from, to] = [pretty[0] ?? before, pretty[1] ?? after];
  const isJson = pretty.some((text) => text !== null);
  return { rows: foldSame(diffRows(from, to)), formatted, from, to, isJson };
}
