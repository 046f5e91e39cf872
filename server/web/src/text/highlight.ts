// Syntax colours of documents in differences. Loaded on demand, since it contains the parsers of the editor.
import { jsonLanguage } from "@codemirror/lang-json";
import { xmlLanguage } from "@codemirror/lang-xml";
import { yamlLanguage } from "@codemirror/lang-yaml";
import { highlightTree, tagHighlighter, tags } from "@lezer/highlight";

import type { Coloured, Language } from "./colour";

const LANGUAGES = { json: jsonLanguage, xml: xmlLanguage, yaml: yamlLanguage };

/** The kinds that the editor distinguishes too. */
const highlighter = tagHighlighter([
  { tag: [tags.propertyName, tags.definition(tags.propertyName), tags.tagName], class: "name" },
  { tag: [tags.string, tags.quote, tags.attributeValue], class: "string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "atom" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], class: "comment" },
  { tag: [tags.attributeName, tags.keyword], class: "keyword" },
]);

export function highlight(language: Language, text: string): Coloured[] {
  const found: Coloured[] = [];
  highlightTree(LANGUAGES[language].parser.parse(text), highlighter, (from, to, kind) => {
    found.push({ from, to, kind });
  });
  return found;
}
