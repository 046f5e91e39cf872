// Changes whose revision is not known, as those that are undone: they are compared with what is stored first.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { useChanges } from "../src/api/changes";
import { shown } from "./shallow";

const { query, changeItems, saveText } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const write = () => vi.fn<(...sent: unknown[]) => Promise<void>>(() => Promise.resolve());
  return { query: vi.fn(), changeItems: write(), saveText: write() };
});
type Write = (input: object) => Promise<unknown>;

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ query, setQueryData: vi.fn() }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/writes", () => ({
  changeItems,
  saveText,
  useWrite: (write: Write, _: unknown, done: (found: unknown, input: object) => void) => ({
    mutate: (input: object) => write(input).then((found) => done(found, input)),
  }),
}));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => vi.clearAllMocks());

const content = (value: string) => ({ value, type: 0, comment: "" });
const UNDONE = [{ key: "limit", was: content("150"), now: content("100") }];

/** What becomes of them if this is stored. */
async function undone(value: string, revision: string) {
  query.mockResolvedValue({ items: [{ key: "limit", ...content(value) }], revision });
  const onDone = vi.fn();
  const place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
  const page = shown(() => useChanges(place, onDone));
  page(null).run(UNDONE);
  await vi.waitFor(() => expect(onDone.mock.calls.length === 1 || page(null).conflict !== null).toBe(true));
  return page(null).conflict;
}

it("what nobody has changed since is undone", async () => {
  expect(await undone("150", "r3")).toBeNull();
  const [, { update }, revision] = changeItems.mock.lastCall as [unknown, { update: object[] }, string];
  expect([update, revision]).toEqual([[{ key: "limit", ...content("100") }], "r3"]);
});

it("a value that somebody else has stored since is not replaced, but shown", async () => {
  const conflict = await undone("200", "r4");
  expect(conflict?.collisions.map(({ theirs }) => theirs?.value)).toEqual(["200"]);
  expect(changeItems).not.toHaveBeenCalled();
});

it("an environment without revisions is written once", async () => {
  expect(await undone("150", "")).toBeNull();
  expect(changeItems).toHaveBeenCalledTimes(1);
});

it("a document is not emptied if its stored text is chosen, or if it has the wanted text already", async () => {
  const place = { app: "shop", env: "PRO", cluster: "default", ns: "page.txt" };
  const changes = [{ key: "content", was: content("a"), now: content("b") }];
  for (const [stored, isConflict] of [
    ["c", true],
    ["b", false],
  ] as const) {
    query.mockResolvedValue({ items: [{ key: "content", ...content(stored) }], revision: "r5" });
    const onDone = vi.fn();
    const page = shown(() => useChanges(place, onDone, "txt"));
    page(null).run(changes);
    if (isConflict) {
      await vi.waitFor(() => expect(page(null).conflict).not.toBeNull());
      page(null).resolve(new Set());
    }
    await vi.waitFor(() => expect(onDone).toHaveBeenCalledExactlyOnceWith([], isConflict ? [] : changes, false));
  }
  expect(saveText).not.toHaveBeenCalled();
});

it("what others have stored already is not reported as made, and so not undone", async () => {
  const change = (key: string, value: string) => ({ key, was: content("1"), now: content(value) });
  const [same, own] = [change("same", "2"), change("own", "2")];
  const items = [
    { key: "same", ...content("2") },
    { key: "own", ...content("1") },
  ];
  query.mockResolvedValue({ items, revision: "r6" });
  const onDone = vi.fn();
  const place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
  shown(() => useChanges(place, onDone))(null).run([same, own]);
  await vi.waitFor(() => expect(onDone).toHaveBeenCalledExactlyOnceWith([own], [same, own], false));
});
