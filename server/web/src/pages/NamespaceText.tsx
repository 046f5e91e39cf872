// The text view of a namespace: properties line by line, other formats as one document. Saving shows
// what changes first; the text is kept in this browser until then.
import { useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import { useAnnounced } from "../api/editors";
import { ApiError } from "../api/errors";
import { useBoot, type Draft, type Place } from "../api/queries";
import { validateText } from "../api/writes";
import { CodeEditor, type EditorHandle, type Problem } from "../components/CodeEditor";
import { LeaveGuard } from "../components/LeaveGuard";
import { useUnsaved } from "../components/useUnsaved";
import { storedItems } from "../state/changes";
import { wasOf } from "../state/unsaved";
import { errorPlace } from "../text/place";
import { baseOf, fromText, linesOf, toText, type TextBase } from "../text/properties";
import classes from "./Namespace.module.css";
import type { Access } from "./NamespaceAccess";
import { SaveText } from "./SaveText";
import { TextToolbar } from "./TextToolbar";

const IDLE_MS = 400;
/** Formats that the server checks. */
const CHECKED = ["json", "yml", "yaml"];

interface Props {
  place: Place;
  draft: Draft;
  access: Access | undefined;
}

export function storedText({ format = "properties", items = [] }: Draft): string {
  if (format === "properties") return toText(linesOf(items));
  return storedItems(items).get("content")?.value ?? "";
}

export function NamespaceText({ place, draft, access }: Props) {
  const { t } = useTranslation();
  const { userId } = useBoot().user;
  const format = draft.format ?? "properties";
  const stored = useMemo(() => storedText(draft), [draft]);
  const editor = useRef<EditorHandle>(null);
  const unsaved = useUnsaved<string, TextBase["items"]>(place, "+text");
  const { kept, edit: edited } = unsaved;
  const [isBaseKept, setBaseKept] = useState(false);
  // What is edited is compared with the state of the namespace on which the edit began.
  const [base, setBase] = useState((): TextBase => {
    const stored = baseOf(draft);
    if (!kept) return stored;
    const { revision } = kept;
    return { items: wasOf(kept, { was: stored.items, revision: stored.revision }, null), revision };
  });
  const [saving, setSaving] = useState(false);
  const [said, setSaid] = useState("");
  const text = edited ?? stored;
  const problems = useProblems(place, format, text);
  const canEdit = access?.canEdit === true && (access.editor === null || access.editor === userId);
  const isDirty = edited !== null && edited !== stored;
  useAnnounced(place, canEdit && isDirty);

  const change = (changed: string) => {
    const { items, revision } = edited === null ? baseOf(draft) : base;
    setBase({ items, revision });
    setSaid("");
    if (items && !isBaseKept) unsaved.keepBase({ was: items, revision });
    setBaseKept(true);
    unsaved.keep({ edit: changed, revision });
  };
  const drop = () => {
    unsaved.drop();
    setBaseKept(false);
  };
  const save = () => {
    const [first] = problems;
    if (first) editor.current?.goTo(first);
    else if (isDirty) setSaving(true);
  };

  return (
    <>
      <TextToolbar
        ns={place.ns}
        format={format}
        text={text}
        said={isDirty ? t("text.unsaved") : said}
        onSay={setSaid}
        editor={editor}
        edit={canEdit ? { isDirty, onChange: change, onDrop: drop, onSave: save } : undefined}
      />
      <CodeEditor
        ref={editor}
        label={t("text.label", { name: place.ns })}
        value={text}
        format={format}
        readOnly={!canEdit}
        problems={problems}
        onChange={(changed) => changed !== text && change(changed)}
        onSave={save}
      />
      <ProblemList problems={problems} onGoTo={(problem) => editor.current?.goTo(problem)} />
      {isDirty && <LeaveGuard />}
      {saving && edited !== null && (
        <SaveText
          {...{ place, base, draft }}
          format={format}
          text={edited}
          onClose={() => setSaving(false)}
          onDone={(isChanged) => {
            drop();
            setSaving(false);
            setSaid(t(isChanged ? "text.saved" : "item.unchanged"));
          }}
        />
      )}
    </>
  );
}

function ProblemList({ problems, onGoTo }: { problems: Problem[]; onGoTo: (problem: Problem) => void }) {
  const { t } = useTranslation();
  return (
    <div className={classes.problems} role="alert" aria-label={t("text.problems")}>
      <ul>
        {problems.map((problem) => (
          <li key={`${problem.line} ${problem.message}`}>
            <button type="button" onClick={() => onGoTo(problem)}>
              {problem.column === undefined
                ? t("text.line", { line: problem.line })
                : t("text.lineAndColumn", { line: problem.line, column: problem.column })}
            </button>{" "}
            {problem.message}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Checked while typing: properties here, documents by the server once the typing pauses. */
function useProblems(place: Place, format: string, text: string): Problem[] {
  const { t } = useTranslation();
  const [idle] = useDebouncedValue(text, IDLE_MS);
  const isChecked = CHECKED.includes(format) && idle.trim() !== "";
  const { data } = useQuery({
    queryKey: ["validation", place.app, format, idle],
    enabled: isChecked,
    staleTime: Infinity,
    queryFn: async ({ signal }): Promise<Problem[]> => {
      try {
        await validateText(place, format, idle, signal);
        return [];
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 400) throw error;
        return [{ ...(errorPlace(error.message) ?? { line: 1 }), message: error.message }];
      }
    },
  });
  return useMemo(() => {
    if (format !== "properties") return (isChecked && data) || [];
    return fromText(text).problems.map(({ line, message }) => ({ line, message: t(`text.${message}`) }));
  }, [format, text, data, isChecked, t]);
}
