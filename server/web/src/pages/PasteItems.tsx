// Adds and overwrites keys with those of a pasted text, after a preview. Keys that the text does not
// contain stay as they are.
import { NativeSelect, Textarea } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import type { Draft, Place } from "../api/queries";
import { Confirm } from "../components/Confirm";
import { OrConflict } from "../components/ConflictView";
import { DiffView } from "../components/DiffView";
import { LeaveGuard } from "../components/LeaveGuard";
import { changesBy, storedItems, type ItemChange } from "../state/changes";
import { changeOf } from "../state/draft";
import { checkName, KEY_LENGTH } from "../text/check";
import { formatOf, parsePasted, PASTE_FORMATS, type Pasted, type PasteFormat } from "../text/paste";
import classes from "./Namespace.module.css";

interface Props {
  place: Place;
  /** The namespace when the action began. */
  draft: Draft;
  onDone: (text: string, changes: ItemChange[]) => void;
  onClose: () => void;
}

/** Problems that are listed; the first ones show what is wrong. */
const LISTED = 10;

export function PasteItems({ place, draft, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [base] = useState(draft);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<PasteFormat | null>(null);
  const changes = useChanges(place, (made) => onDone(t("paste.saved", { count: made.length }), made));
  const format = chosen ?? formatOf(text);
  const { data: pasted, isPlaceholderData } = useQuery({
    queryKey: ["paste", format, text],
    queryFn: () => parsePasted(text, format),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: 0,
  });
  const planned = changesBy(pasted?.items ?? [], storedItems(base.items));
  const problems = pasted ? problemsOf(pasted) : [];
  const whyNot =
    problems.length > 0 ? t("why.problems") : planned.length === 0 && t(text.trim() ? "why.allSame" : "why.noText");
  const added = planned.filter(({ was }) => !was).length;
  return (
    <OrConflict changes={changes}>
      <Confirm
        title={t("paste.title")}
        action={t("paste.save", { count: planned.length })}
        size="xl"
        why={whyNot}
        write={changes}
        // Not with the preview of an earlier text.
        onConfirm={() => !isPlaceholderData && changes.run(planned, base.revision)}
        onClose={onClose}
      >
        <div className="fields">
          <Textarea
            label={t("paste.text")}
            className="grow"
            classNames={{ input: "mono" }}
            rows={8}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            data-autofocus
          />
          <NativeSelect
            label={t("paste.formatLabel")}
            value={format}
            data={PASTE_FORMATS.map((value) => ({ value, label: t(`paste.format.${value}`) }))}
            onChange={(event) => setChosen(event.currentTarget.value as PasteFormat)}
          />
        </div>
        {text.trim() !== "" && (
          <>
            <Problems problems={problems} />
            <p role="status">
              {t("paste.counts", {
                added,
                changed: planned.length - added,
                same: (pasted?.items.length ?? 0) - planned.length,
              })}
            </p>
            <DiffView changes={planned.map(changeOf)} />
          </>
        )}
        {text !== "" && <LeaveGuard areLost />}
      </Confirm>
    </OrConflict>
  );
}

interface ShownProblem {
  line: number | null;
  key?: string;
  message: Pasted["problems"][number]["message"] | "required" | "tooLong";
}

function problemsOf({ items, problems }: Pasted): ShownProblem[] {
  const names = items.flatMap(({ key }): ShownProblem[] => {
    const problem = checkName(key, KEY_LENGTH);
    return problem === "required" || problem === "tooLong" ? [{ line: null, key, message: problem }] : [];
  });
  return [...problems, ...names];
}

function Problems({ problems }: { problems: ShownProblem[] }) {
  const { t } = useTranslation();
  if (problems.length === 0) return null;
  const say = ({ line, key, message }: ShownProblem) => {
    const what = typeof message === "object" ? message.parser : t(`paste.problem.${message}`);
    if (line !== null) return t("paste.problem.line", { line, what });
    return key ? `${key.slice(0, KEY_LENGTH)}: ${what}` : what;
  };
  const more = problems.length - LISTED;
  return (
    <ul className={classes.problems} role="alert">
      {problems.slice(0, LISTED).map((problem, index) => (
        <li key={index}>{say(problem)}</li>
      ))}
      {more > 0 && <li>{t("paste.problem.more", { count: more })}</li>}
    </ul>
  );
}
