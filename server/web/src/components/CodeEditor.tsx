// A text editor with highlighting, search and marks at the places of problems. It is mounted in a
// shadow root, where its styles are style sheet objects: style elements would break the content
// policy.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import {
  bracketMatching,
  foldAll,
  foldedRanges,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  StreamLanguage,
  syntaxHighlighting,
  unfoldAll,
} from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useEffectEvent, useRef, type Ref, useImperativeHandle } from "react";
import { useTranslation } from "react-i18next";

import classes from "./CodeEditor.module.css";

export interface Problem {
  /** From 1. */
  line: number;
  column?: number | undefined;
  message: string;
}

export interface EditorHandle {
  goTo: (problem: Problem) => void;
  /** Opens the fields to find and, where the text may be edited, to replace. */
  find: () => void;
  /** Folds all parts of the document, or unfolds them if one is folded. */
  fold: () => void;
}

interface Props {
  label: string;
  /** The text to begin with; later changes of it replace what is shown. */
  value: string;
  /** Format of the namespace. */
  format: string;
  readOnly?: boolean;
  problems?: Problem[];
  onChange?: (text: string) => void;
  onSave?: () => void;
  ref?: Ref<EditorHandle>;
}

/** Larger texts are shown without highlighting. */
const HIGHLIGHTED_CHARACTERS = 2_000_000;

const LANGUAGES: Record<string, () => Promise<Extension>> = {
  properties: async () => StreamLanguage.define((await import("@codemirror/legacy-modes/mode/properties")).properties),
  json: async () => (await import("@codemirror/lang-json")).json(),
  yml: async () => (await import("@codemirror/lang-yaml")).yaml(),
  yaml: async () => (await import("@codemirror/lang-yaml")).yaml(),
  xml: async () => (await import("@codemirror/lang-xml")).xml(),
};

export function CodeEditor({ label, value, format, readOnly = false, problems = [], onChange, onSave, ref }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useEffectEvent((text: string) => onChange?.(text));
  const save = useEffectEvent(() => onSave?.());
  const start = useEffectEvent(() => value);
  const { t } = useTranslation();
  const phrases = useEffectEvent(() => t("editor", { returnObjects: true }));

  useEffect(() => {
    if (!host.current) return;
    const shadow = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const language = new Compartment();
    const saving = { key: "Mod-s", preventDefault: true, run: () => (save(), true) };
    const editor = new EditorView({
      root: shadow,
      parent: shadow,
      state: EditorState.create({
        doc: start(),
        extensions: [
          keymap.of([saving, ...defaultKeymap, ...historyKeymap, ...searchKeymap, ...foldKeymap]),
          basics,
          EditorState.phrases.of(phrases()),
          language.of([]),
          EditorState.readOnly.of(readOnly),
          EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": String(readOnly) }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) changed(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    if (editor.state.doc.length <= HIGHLIGHTED_CHARACTERS) {
      void LANGUAGES[format]?.().then((found) => editor.dispatch({ effects: language.reconfigure(found) }));
    }
    return () => editor.destroy();
  }, [label, format, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, diagnostics(editor.state, problems)));
  }, [problems]);

  useImperativeHandle(ref, () => ({
    goTo: (problem) => {
      const editor = view.current;
      const [mark] = editor ? diagnostics(editor.state, [problem]) : [];
      if (!editor || !mark) return;
      editor.dispatch({ selection: { anchor: mark.from }, scrollIntoView: true });
      editor.focus();
    },
    find: () => view.current && openSearchPanel(view.current),
    fold: () => {
      const editor = view.current;
      if (editor) (foldedRanges(editor.state).size > 0 ? unfoldAll : foldAll)(editor);
    },
  }));

  return <div ref={host} className={classes.editor} data-read-only={readOnly} />;
}

function diagnostics(state: EditorState, problems: Problem[]): Diagnostic[] {
  return problems.map(({ line, column = 1, message }) => {
    const found = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
    // A problem may be at the end of the line, where there is nothing to mark.
    const from = Math.min(found.from + column - 1, Math.max(found.to - 1, found.from));
    return { from: column > 1 ? from : found.from, to: found.to, severity: "error", message };
  });
}

const theme = EditorView.theme({
  "&": { height: "100%", color: "var(--c-text)", backgroundColor: "var(--c-surface)", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.375rem", fontVariantLigatures: "none" },
  ".cm-gutters": {
    color: "var(--c-text-3)",
    backgroundColor: "var(--c-sunken)",
    borderRight: "1px solid var(--c-line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--c-hover)" },
  ".cm-cursor": { borderLeftColor: "var(--c-text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    background: "var(--c-accent-soft)",
  },
  ".cm-specialChar": { color: "var(--c-deleted)" },
  ".cm-panels, .cm-tooltip": {
    color: "var(--c-text)",
    backgroundColor: "var(--c-sunken)",
    borderColor: "var(--c-line)",
    fontFamily: "var(--mantine-font-family)",
  },
  "& .cm-textfield, & .cm-button": {
    color: "var(--c-text)",
    background: "var(--c-surface)",
    border: "1px solid var(--c-line-strong)",
    borderRadius: "4px",
  },
  "& .cm-panel.cm-search": { padding: "6px 32px 6px 10px" },
  "& .cm-panel.cm-search :is(input, button, label)": {
    minHeight: "28px",
    fontFamily: "inherit",
    fontSize: "0.8125rem",
    textTransform: "none",
  },
  "& .cm-panel.cm-search label": { display: "inline-flex", gap: "5px", alignItems: "center", marginRight: "8px" },
  "& .cm-panel.cm-search [type=checkbox]": { minHeight: "0", margin: "0", accentColor: "var(--c-accent)" },
  "& .cm-panel.cm-search [name=close]": { top: "6px", right: "6px", width: "24px", height: "24px", color: "inherit" },
  ".cm-panels-top": { borderBottom: "1px solid var(--c-line)" },
  "& .cm-foldPlaceholder": {
    color: "var(--c-text-2)",
    background: "var(--c-sunken)",
    borderColor: "var(--c-line)",
  },
  ".cm-searchMatch": { backgroundColor: "var(--c-modified-bg)" },
  // The defaults are images in data: addresses, which the content policy forbids.
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--c-deleted)" },
  ".cm-lint-marker-error": { content: "none" },
  ".cm-lint-marker-error::before": { content: "'×'", color: "var(--c-deleted)", fontWeight: "600" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--c-deleted)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.tagName], color: "var(--c-accent-text)" },
  { tag: [tags.string, tags.quote], color: "var(--c-added)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--c-modified)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--c-text-3)", fontStyle: "italic" },
  { tag: [tags.attributeName, tags.keyword], color: "var(--c-live)" },
]);

const basics: Extension = [
  lineNumbers(),
  lintGutter(),
  foldGutter(),
  history(),
  drawSelection(),
  highlightSpecialChars(),
  highlightActiveLine(),
  search({ top: true }),
  highlightSelectionMatches(),
  bracketMatching(),
  syntaxHighlighting(colours),
  EditorView.lineWrapping,
  theme,
];
