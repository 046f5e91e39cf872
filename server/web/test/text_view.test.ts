// What the text view shows, and what it saves: with one request, and nothing but what the preview shows.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { OpenItemDTO } from "../src/api/bodies";
import type { Draft } from "../src/api/queries";
import { storedText } from "../src/pages/NamespaceText";
import { SaveText } from "../src/pages/SaveText";
import { OrConflict } from "../src/components/ConflictView";
import { Dialog } from "../src/components/Dialog";
import { DiffView } from "../src/components/DiffView";
import { baseOf } from "../src/text/properties";
import { get, shown, type Shown } from "./shallow";

const { fetched, outcomes, query } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  return { fetched, outcomes: [] as Promise<unknown>[], query: vi.fn<() => Promise<Draft>>() };
});

interface Mutation {
  mutationFn: (input: unknown) => Promise<unknown>;
  onSuccess: (output: unknown, input: unknown) => void;
}

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn(), setQueryData: vi.fn(), query }),
  useMutation: ({ mutationFn, onSuccess }: Mutation) => ({
    mutate: (input: unknown) => void outcomes.push(mutationFn(input).then((output) => onSuccess(output, input))),
  }),
}));
// It needs a page.
vi.mock("../src/components/CodeEditor", () => ({ CodeEditor: vi.fn() }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  outcomes.length = 0;
  fetched.mockReset();
  fetched.mockImplementation(() => Promise.resolve(new Response("")));
});

const item = (lineNum: number, key: string, value: string, type = 0): OpenItemDTO => ({
  ...{ key, value, type, comment: "", lineNum },
});
/** Keys and values that the text of the server cannot contain. */
const ITEMS = [item(1, "a=b", "1", 1), item(2, "#x", " edge "), item(3, "k ", "C:\\new"), item(4, "c", "3")];
const DRAFT: Draft = {
  ...{ appId: "shop", clusterName: "default", namespaceName: "application", format: "properties" },
  ...{ items: ITEMS, revision: "r1" },
};

type Button = { props: { onClick: () => void } };

/** The dialog that saves this text, at each call as it is then. */
function dialogOf(draft: Draft, text: string, onDone = vi.fn()) {
  const place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
  const props = { place, base: baseOf(draft), draft, format: draft.format ?? "", text };
  const dialog = shown(SaveText);
  return () => dialog({ ...props, onDone, onClose: vi.fn() });
}

/** What the dialog of this text sends. */
async function saved(text: string) {
  await save(dialogOf(DRAFT, text)());
  return requests();
}

async function save(dialog: unknown) {
  const { children } = get<{ children: { props: { children: Button[] } }[] }>(dialog, "div" as never);
  children.at(-1)?.props.children[1]?.props.onClick();
  await Promise.all(outcomes);
}

function requests() {
  return fetched.mock.calls.map(([address, init]) => [
    `${init?.method ?? ""} ${(address as string).split("/").at(-1) ?? ""}`,
    new Headers(init?.headers).get("Castalia-Revision"),
    JSON.parse(init?.body as string) as unknown,
  ]);
}

// X107
it("nothing is written again if only the order differs", async () => {
  const lines = [{ key: "c" }, { key: "k " }, { comment: "" }, { key: "#x" }, { key: "a=b" }];
  expect(await saved("c = 3\nk\\u0020 = C:\\\\new\n\n\\#x = \\u0020edge\\u0020\na\\=b = 1")).toEqual([
    ["POST changes", "r1", { create: [], update: [], delete: [], lines }],
  ]);
});

it("edits belong to the same request as the order", async () => {
  const lines = [{ comment: "# new" }, { key: "d" }, { key: "k " }, { key: "a=b" }, { key: "c" }];
  const edits = {
    create: [{ key: "d", value: "4", type: 0, comment: "" }],
    update: [{ key: "a=b", value: "C:\\new", type: 1, comment: "" }],
    delete: ["#x"],
  };
  expect(await saved("# new\nd = 4\nk\\u0020 = C:\\\\new\na\\=b = C:\\\\new\nc = 3")).toEqual([
    ["POST changes", "r1", { ...edits, lines }],
  ]);
});

// X110
it("of a document that is stored twice, the last item is shown and changed, which is the published one", () => {
  const items = [item(1, "content", "old"), item(2, "content", "published")];
  const draft = { ...DRAFT, format: "yml", items };
  expect(storedText(draft)).toBe("published");
  expect(get(dialogOf(draft, "new")(), DiffView).changes).toMatchObject([
    { key: "content", before: "published", after: "new" },
  ]);
});

// X143: items of the OpenAPI have comments.
it("a document whose item has a comment is saved on a newer revision, if nobody has changed it", async () => {
  const draft = { ...DRAFT, format: "yml", items: [{ ...item(1, "content", "old"), comment: "why" }] };
  fetched.mockResolvedValueOnce(Response.json({ code: "stale_revision" }, { status: 409 }));
  query.mockResolvedValue({ ...draft, revision: "r2" });
  const onDone = vi.fn();
  await save(dialogOf(draft, "new", onDone)());
  const body = { format: "yml", configText: "new" };
  expect(requests()).toEqual([
    ["PUT items", "r1", body],
    ["PUT items", "r2", body],
  ]);
  expect(onDone).toHaveBeenCalledExactlyOnceWith(true);
});

/** All lines backwards, with this value of `c`. */
const backwards = (c: string) => `c = ${c}\nk\\u0020 = C:\\\\new\n\\#x = \\u0020edge\\u0020\na\\=b = 1`;
const BACKWARDS = [{ key: "c" }, { key: "k " }, { key: "#x" }, { key: "a=b" }];

/** A dialog whose save has been refused, because these items are stored now. */
async function refused(text: string, items: OpenItemDTO[]) {
  fetched.mockResolvedValueOnce(Response.json({ code: "stale_revision", by: "bob" }, { status: 409 }));
  query.mockResolvedValue({ ...DRAFT, items, revision: "r2" });
  const onDone = vi.fn();
  const show = dialogOf(DRAFT, text, onDone);
  await save(show());
  const conflict = () => get(show(), OrConflict);
  const resolve = async (...mine: string[]) => {
    conflict().changes.resolve(new Set(mine));
    await Promise.all(outcomes);
  };
  return { conflict, resolve, onDone };
}

it("a save of rearranged lines that others have overtaken shows both values, and keeps the order", async () => {
  const others = [...ITEMS.slice(0, 3), item(4, "c", "4"), item(5, "added", "1")];
  const { conflict, resolve, onDone } = await refused(backwards("5"), others);
  expect(conflict().changes.conflict).toMatchObject({
    by: "bob",
    isOrderLost: false,
    collisions: [{ theirs: { value: "4" } }],
  });
  expect(onDone).not.toHaveBeenCalled();
  await resolve("c");
  const update = [{ key: "c", value: "5", type: 0, comment: "" }];
  expect(requests().at(-1)).toEqual([
    "POST changes",
    "r2",
    { create: [], update, delete: [], lines: [...BACKWARDS, { key: "added" }] },
  ]);
  expect(onDone).toHaveBeenCalledExactlyOnceWith(true);
});

it("rearranged lines are saved on what others have stored meanwhile, if they kept the order", async () => {
  const others = [...ITEMS.slice(0, 2), item(3, "k ", "D:"), item(4, "c", "3")];
  const { onDone } = await refused(backwards("3"), others);
  const sent = { create: [], update: [], delete: [], lines: BACKWARDS };
  expect(requests()).toEqual([
    ["POST changes", "r1", sent],
    ["POST changes", "r2", sent],
  ]);
  expect(onDone).toHaveBeenCalledExactlyOnceWith(true);
});

it("lines that others have arranged, too, stay as they are, which is reported", async () => {
  const others = [item(0, "", ""), ...ITEMS];
  const { conflict, resolve, onDone } = await refused(backwards("3"), others);
  expect(conflict().changes.conflict).toMatchObject({ isOrderLost: true, collisions: [] });
  const { type, props } = OrConflict(conflict()) as unknown as Shown;
  expect(get(shown(type)(props), Dialog).title).toBe("conflict.linesTitle");
  await resolve();
  expect(requests()).toHaveLength(1);
  expect(onDone).toHaveBeenCalledExactlyOnceWith(false);
});
