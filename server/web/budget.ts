// Limits of what the browser loads, in KiB after gzip; the build fails above them. The first screen
// is what the start page needs: the entry, the frame, the page, the style sheet, one language, the font.
import { gzipSync } from "node:zlib";

import type { Plugin, Rolldown } from "vite";

const LIMITS = { home: 265, lazy: 125, style: 30, language: 20, firstScreen: 300 };
const HOME = ["src/main.tsx", "src/components/Shell.tsx", "src/pages/Home.tsx"];

export function budget(): Plugin {
  return {
    name: "castalia-budget",
    // After the style sheet was written.
    enforce: "post",
    generateBundle(_, bundle) {
      const files = Object.values(bundle);
      const chunks = files.filter((file) => file.type === "chunk");
      const circle = circleOf(chunks);
      if (circle) this.error(`chunks import each other: ${circle}`);
      const languages = chunks.filter(({ moduleIds }) => moduleIds.some((id) => /\/i18n\/\w+\.json$/.test(id)));
      const language = Math.max(...languages.map((chunk) => kib(chunk.code)));
      const style = assets(files, ".css");
      const home = sizeOf(closure(chunks, HOME)) + language + style;
      const measured = {
        home,
        lazy: Math.max(...chunks.filter(({ isEntry }) => !isEntry).map(({ code }) => kib(code))),
        style,
        language,
        firstScreen: home + assets(files, ".woff2"),
      };
      for (const [name, limit] of Object.entries(LIMITS)) {
        const size = measured[name as keyof typeof measured];
        const line = `${name}: ${size.toFixed(1)} of ${limit} KiB`;
        if (!(size <= limit)) this.error(`over the budget: ${line}`);
        this.info(line);
      }
    },
  };
}

/** The chunks that contain these modules, with all that they import at once. */
function closure(chunks: Rolldown.OutputChunk[], modules: string[]): Rolldown.OutputChunk[] {
  const found = new Set(modules.map((name) => chunkOf(chunks, name)));
  for (const chunk of found) {
    for (const imported of chunk.imports) {
      const next = chunks.find(({ fileName }) => fileName === imported);
      if (next) found.add(next);
    }
  }
  return [...found];
}

/** Chunks in a circle may run before what they import. */
function circleOf(chunks: Rolldown.OutputChunk[]): string | null {
  const open = new Set<string>();
  const done = new Set<string>();
  const visit = (fileName: string): string | null => {
    if (open.has(fileName)) return [...open, fileName].join(" > ");
    if (done.has(fileName)) return null;
    open.add(fileName);
    const imports = chunks.find((chunk) => chunk.fileName === fileName)?.imports ?? [];
    const found = imports.reduce<string | null>((circle, next) => circle ?? visit(next), null);
    open.delete(fileName);
    done.add(fileName);
    return found;
  };
  return chunks.reduce<string | null>((circle, { fileName }) => circle ?? visit(fileName), null);
}

function chunkOf(chunks: Rolldown.OutputChunk[], name: string): Rolldown.OutputChunk {
  const chunk = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(`/${name}`)));
  if (!chunk) throw new Error(`the build has no module ${name}`);
  return chunk;
}

function sizeOf(chunks: Rolldown.OutputChunk[]): number {
  return chunks.reduce((sum, { code }) => sum + kib(code), 0);
}

/** Fonts are compressed already; both are counted. */
function assets(files: Rolldown.OutputBundle[string][], suffix: string): number {
  const found = files.filter((file) => file.type === "asset" && file.fileName.endsWith(suffix));
  const sizes = found.map((file) => {
    const content = file.type === "asset" ? file.source : "";
    return suffix === ".woff2" ? content.length / 1024 : kib(content);
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

function kib(content: string | Uint8Array): number {
  return gzipSync(content, { level: 9 }).length / 1024;
}
