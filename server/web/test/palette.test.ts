// What the palette searches for, and how it reports that a search was refused.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../src/api/errors";
import { usePaletteGroups } from "../src/components/paletteSources";
import { paletteQuery } from "../src/text/paletteQuery";
import { shown } from "./shallow";

type Query = { queryKey: unknown[] };
const { queries, results } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/", documentElement: { dataset: {} } });
  /** What was asked for, and what that returns, by the beginning of its key. */
  return { queries: [] as Query[], results: new Map<string, object>() };
});

vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/core", async (original) => ({ ...(await original()), useComputedColorScheme: () => "light" }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQuery: (query: Query) => {
    queries.push(query);
    const key = [...results.keys()].find((key) => JSON.stringify(query.queryKey).startsWith(key)) ?? "";
    return { error: null, isError: false, isFetching: false, ...results.get(key) };
  },
}));
vi.mock("@tanstack/react-router", async (original) => ({ ...(await original()), useParams: () => ({}) }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV"] }),
}));
vi.mock("../src/state/prefs", async (original) => ({ ...(await original()), useTheme: () => ({}) }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  queries.length = 0;
  results.clear();
});

const palette = shown((text: string) => usePaletteGroups(paletteQuery(text), vi.fn()));

/** The text that values are searched for. */
function valuesFor(text: string): unknown {
  queries.length = 0;
  palette(text);
  return queries.find(({ queryKey: [what, kind] }) => what === "search" && kind === "values")?.queryKey[2];
}

it("values are searched once it is known that no key contains the text", () => {
  const found = { items: [], message: "" };
  results.set('["search",["keys"]', { data: found, isPlaceholderData: true });
  expect(valuesFor("timeout"), "no key contains an earlier text").toBe("");
  results.set('["search",["keys"]', { data: found, isPlaceholderData: false });
  expect(valuesFor("timeout")).toBe("timeout");
  expect(valuesFor("value:timeout")).toBe("timeout");
});

it("a refused search is not shown as one that found nothing", () => {
  const error = new ApiError(429, "");
  results.set('["search",["apps"', { error, isError: true });
  expect(palette("shop").error).toBe(error);
  results.clear();
  expect(palette("shop").error).toBeNull();
});
