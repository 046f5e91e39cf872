// Syntax colours of a text, once the parsers are loaded.
import { useEffect, useState } from "react";

import { byLine, type Coloured, type Language } from "../text/colour";

/** Larger texts are shown without colours. */
const COLOURED_CHARACTERS = 200_000;

interface Found {
  text: string;
  lines: Coloured[][];
}

/** The coloured parts of each line; none until they are known, or without a language. */
export function useColours(text: string | null, language: Language | undefined): Coloured[][] {
  const [found, setFound] = useState<Found | null>(null);
  useEffect(() => {
    if (text === null || !language || text.length > COLOURED_CHARACTERS) return;
    let isWanted = true;
    import("../text/highlight").then(
      ({ highlight }) => isWanted && setFound({ text, lines: byLine(text, highlight(language, text)) }),
      // The text is readable without them.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [text, language]);
  return found?.text === text ? found.lines : [];
}
