// What changes in a document, by the paths of its values.
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import type { KeyChange } from "../state/draft";
import classes from "./DiffView.module.css";
import { StateChip } from "./StateChip";

/** Undefined until the parser is loaded, null if the documents cannot be parsed. */
export type PathChanges = KeyChange[] | null | undefined;

/** Nothing is parsed while it is not wanted. */
export function usePathChanges({ before, after }: KeyChange, isWanted: boolean): PathChanges {
  const [found, setFound] = useState<{ before: string | null; after: string | null; changes: PathChanges }>();
  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    const found = (changes: PathChanges) => isCurrent && setFound({ before, after, changes });
    // Without the parser the lines are shown.
    import("../text/paths").then(({ pathChanges }) => pathChanges(before, after)).then(found, () => found(null));
    return () => {
      isCurrent = false;
    };
  }, [before, after, isWanted]);
  return found?.before === before && found.after === after ? found.changes : undefined;
}

export function PathDiff({ changes }: { changes: KeyChange[] }) {
  const { t } = useTranslation();
  if (changes.length === 0) return <p className={classes.note}>{t("diff.noPath")}</p>;
  return (
    <ul className={classes.paths}>
      {changes.map(({ key, state, before, after }) => (
        <li key={key}>
          <span className={classes.path}>
            <code>{key}</code> <StateChip state={state} />
          </span>
          <Value text={before} side="removed" />
          <Value text={after} side="added" />
        </li>
      ))}
    </ul>
  );
}

function Value({ text, side }: { text: string | null; side: "removed" | "added" }) {
  const { t } = useTranslation();
  if (text === null) return <span className={classes.none} />;
  return (
    <span className={classes.value} data-side={side}>
      <span className="unseen">{t(`diff.${side}`)} </span>
      {text === "" ? t("compare.emptyText") : text}
    </span>
  );
}
