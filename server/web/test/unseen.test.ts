// A value that somebody else has stored is not replaced before the user has seen it.
import { Button, TextInput } from "@mantine/core";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { ReadColumn } from "../src/api/compare";
import { namespaceSchema } from "../src/api/namespaceSchema";
import type { Place } from "../src/api/queries";
import type { ServerConfig } from "../src/api/schema";
import { CompareResult } from "../src/pages/CompareResult";
import { HistoryKeys } from "../src/pages/HistoryKey";
import { NamespaceSchema } from "../src/pages/NamespaceSchema";
import { SettingDialog } from "../src/pages/SettingDialog";
import { CompareMatrix } from "../src/components/CompareMatrix";
import { OrConflict } from "../src/components/ConflictView";
import { Loaded } from "../src/components/States";
import { cellId, compareColumns, promotions, type CompareRow } from "../src/state/compare";
import { editEntry, releaseEntry, type Entry } from "../src/state/history";
import type { SettingRow } from "../src/text/settings";
import { get, shown } from "./shallow";

type Query = { queryKey: unknown[] };
type Mutation = {
  mutationFn: (input: unknown) => Promise<unknown>;
  onSuccess?: (output: unknown, input: unknown) => void;
};
const { data, fetched, outcomes, query, useMutation, Editor } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  /** What pages read, by the beginning of its key, and what became of their writes. */
  const [data, outcomes] = [new Map<string, unknown>(), [] as Promise<unknown>[]];
  const useMutation = ({ mutationFn, onSuccess }: Mutation) => ({
    isPending: false,
    error: null,
    mutate: (input: unknown) =>
      void outcomes.push(
        mutationFn(input).then(
          (output) => onSuccess?.(output, input),
          (error: unknown) => error,
        ),
      ),
  });
  const Editor = vi.fn<(props: { onChange: (text: string) => void; onSave: () => void }) => ReactNode>();
  return { data, fetched, outcomes, query: vi.fn(), useMutation, Editor };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  lazy: () => Editor,
  useId: () => "id",
  useState: (await import("./shallow")).useState,
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({ useMediaQuery: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ query, invalidateQueries: vi.fn(), setQueryData: vi.fn() }),
  useMutation,
  useQuery: ({ queryKey }: Query) => {
    const key = [...data.keys()].find((key) => JSON.stringify(queryKey).startsWith(key)) ?? "";
    return { data: data.get(key) };
  },
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useSearch: () => ({}), useNavigate: () => vi.fn() }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/rights", () => ({
  useAppAdmin: () => true,
  useMayCreate: () => true,
  useRight: () => true,
  useWritable: () => () => true,
}));
vi.mock("../src/state/share", async (original) => ({ ...(await original()), useShared: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  data.clear();
  outcomes.length = 0;
  fetched.mockImplementation(() => Promise.resolve(new Response("")));
});

const PLACE: Place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
const content = (value: string) => ({ value, type: 0, comment: "a comment" });
const namespace = (value: string, revision: string, format = "properties") => ({
  ...{ appId: "shop", clusterName: "default", namespaceName: "application", format, revision },
  items: [{ key: format === "properties" ? "limit" : "content", ...content(value) }],
});

/** What becomes of the writes that were begun. */
const settled = async () =>
  (await Promise.all(outcomes)).map((error) => (error as { code?: string } | undefined)?.code);

/** The writes that were sent: revision and body. */
const sent = () =>
  fetched.mock.calls
    .filter(([, init]) => init?.method !== "GET")
    .map(([, init]) => [
      new Headers(init?.headers).get("Castalia-Revision"),
      JSON.parse(init?.body as string) as unknown,
    ]);

/** The history of a key that was edited to these values, the last one newest. */
const edited = (...values: string[]): Entry[] =>
  values
    .map((value, day) => {
      const changeSets = JSON.stringify({ createItems: [{ key: "limit", value }] });
      return editEntry({
        namespaceName: "application",
        dataChangeCreatedTime: `2026-11-2${String(day)}T09:00:00Z`,
        changeSets,
      });
    })
    .toReversed();

/** "Restore" of the oldest value that is shown, while this is shown as stored, and this is stored. Returns the page. */
async function restoreOldest(
  entries: Entry[],
  seen: object,
  isShown: (entry: Entry) => boolean = () => true,
  stored = seen,
) {
  data.set('["draft"', seen);
  query.mockResolvedValue(stored);
  const list = HistoryKeys({ places: [PLACE], entries, live: new Map(), name: "limit", isShown });
  const [{ type, props }] = list as unknown as [{ type: (props: object) => ReactNode; props: object }];
  const page = shown(type);
  const buttons: { onClick: () => void }[] = [];
  collect(page(props), Button, buttons);
  buttons.at(-1)?.onClick();
  await settled();
  return page(props);
}

/** The properties of all elements of a component. */
function collect(node: unknown, component: unknown, found: object[]): void {
  if (typeof node !== "object" || node === null) return;
  const { type, props } = node as { type?: unknown; props?: object };
  if (type === component && props) found.push(props);
  for (const child of Array.isArray(node) ? node : Object.values(props ?? {})) collect(child, component, found);
}

it("an earlier value is restored if the newest one that is shown is still stored", async () => {
  await restoreOldest(edited("100", "200"), namespace("200", "r2"));
  expect(sent()).toEqual([["r2", { create: [], update: [{ key: "limit", ...content("100") }], delete: [] }]]);
});

it("a value that somebody else has restored already is not reported as restored", async () => {
  const status = (page: ReactNode) => get<{ children: [string | false, object | false] }>(page, "p" as never).children;
  const entries = edited("100", "200");
  const [unchanged, made] = status(await restoreOldest(entries, namespace("200", "r2")));
  expect([unchanged, made !== false]).toEqual([false, true]);
  const page = await restoreOldest(entries, namespace("200", "r2"), () => true, namespace("100", "r3"));
  expect(status(page)).toEqual(["item.unchanged", false]);
  expect(sent()).toHaveLength(1);
});

it("a restored value does not replace one that is stored but not in the shown history", async () => {
  const page = await restoreOldest(edited("100", "200"), namespace("300", "r3"));
  expect(sent()).toEqual([]);
  const { collisions } = get(page, OrConflict).changes.conflict ?? {};
  expect(collisions?.map(({ change, theirs }) => [change.was?.value, theirs?.value])).toEqual([["200", "300"]]);
});

it("an edit that the filters hide was not seen, and a release does not say what is stored", async () => {
  const publish = releaseEntry({
    ...{ id: 1, releaseId: 1, operation: 0, namespaceName: "application", releaseTime: "2026-11-19T09:00:00Z" },
    configuration: [{ firstEntity: "limit", secondEntity: "50" }],
  });
  const entries = [...edited("100", "200"), publish];
  await restoreOldest(entries, namespace("200", "r2"), ({ kind }) => kind === "publish");
  expect(sent()).toEqual([]);
  const rollback = { ...publish, id: "r2", values: new Map([["limit", "50"]]) };
  await restoreOldest([rollback, ...edited("100", "200")], namespace("200", "r2"));
  expect(sent()).toHaveLength(1);
});

/** "Copy here" of what the matrix shows, while this is stored in the target. */
async function copied(format: string, seen: string, stored: object) {
  const column = (env: string, value: string): ReadColumn => ({
    ...{ env, cluster: "default", namespaces: [namespace(value, "", format)], missing: [] },
    ...{ isPending: false, error: null, isOffline: false, names: [] },
  });
  const [base, target] = [column("DEV", "1"), column("PRO", seen)];
  const groups = compareColumns(base, [target], "draft");
  const props = { app: "shop", base, columns: [target], side: "draft" as const, groups, total: 1, onShowAll: vi.fn() };
  const { onCopy } = get(shown(CompareResult)(props), CompareMatrix);
  query.mockResolvedValue(stored);
  onCopy(groups[0]?.rows[0] as CompareRow, 0);
  return settled();
}

it.each(["properties", "txt"])(
  "a copy into %s replaces the value that the comparison shows, and no other",
  async (format) => {
    expect(await copied(format, "2", namespace("3", "r3", format))).toEqual(["stale_revision"]);
    expect(sent()).toEqual([]);
    outcomes.length = 0;
    expect(await copied(format, "2", namespace("2", "r2", format))).toEqual([undefined]);
    expect(sent().map(([revision]) => revision)).toEqual(["r2"]);
  },
);

it("the draft that a comparison of live values shows beside them is what a copy may replace", () => {
  const item = { key: "limit", ...content("3"), extendInfo: { isModified: true, oldValue: "2" } };
  const target = {
    env: "PRO",
    cluster: "default",
    missing: [],
    namespaces: [{ ...namespace("3", ""), items: [item] }],
  };
  const base = { env: "DEV", cluster: "default", missing: [], namespaces: [namespace("1", "")] };
  const groups = compareColumns(base, [target], "live");
  const chosen = new Set([cellId(target, { ns: "application", key: "limit" })]);
  expect(promotions(groups, [target], chosen, base, "live").map(({ seen }) => [...seen])).toEqual([[["limit", "3"]]]);
});

/** Saves the form of a setting whose key is entered if it has no row; others have stored these meanwhile. */
async function save(row: SettingRow | null, key: string, listed: ServerConfig[], stored: ServerConfig[]) {
  data.set('["settings"', listed);
  fetched.mockImplementation((_, init) => {
    return Promise.resolve(new Response(init?.method === "GET" ? JSON.stringify(stored) : ""));
  });
  const dialog = shown(SettingDialog);
  const show = () => dialog({ env: "PRO", row, onClose: vi.fn() });
  if (!row)
    get<{ onChange: (event: object) => void }>(show(), TextInput as never).onChange({ currentTarget: { value: key } });
  get<{ onSubmit: (event: object) => void }>(show(), "form" as never).onSubmit({ preventDefault: vi.fn() });
  return { codes: await settled(), error: get<{ error: unknown }>(show(), TextInput as never).error };
}

const ROW: ServerConfig = { key: "own.key", cluster: "default", value: "theirs", revision: "s1" };

it("a new setting does not replace one that exists", async () => {
  expect(await save(null, "own.key", [], [ROW])).toMatchObject({ codes: ["stale_revision"] });
  expect(await save(null, " Own.Key ", [ROW], [ROW])).toMatchObject({ error: "setting.taken" });
  const known: SettingRow = { key: "own.key", cluster: "", known: { key: "own.key" }, stored: undefined };
  outcomes.length = 0;
  expect(await save(known, "", [], [ROW])).toMatchObject({ codes: ["stale_revision"] });
  expect(sent()).toEqual([]);
});

it("a setting is stored that does not exist, or that is as it was seen", async () => {
  await save(null, "own.key", [], [{ ...ROW, cluster: "other" }]);
  await save({ key: "own.key", cluster: "default", known: undefined, stored: ROW }, "", [ROW], [ROW]);
  expect(sent().map(([revision]) => revision)).toEqual([null, "s1"]);
});

/** The dialog of a schema after it was opened, with the schema as it is read then. */
function schemaDialog() {
  const page = shown(NamespaceSchema);
  get<{ onClick: () => void }>(page({ place: PLACE }), Button as never).onClick();
  const { children } = (page({ place: PLACE }) as unknown as { props: { children: unknown[] } }).props;
  const { type, props } = children.at(-1) as { type: (props: object) => ReactNode; props: object };
  const dialog = shown(type);
  return (stored: object) => {
    const parts = get(dialog(props), Loaded<object>).children(stored) as unknown as { props: { children: unknown[] } };
    return parts.props.children.at(-1) as { key: unknown; type: (props: object) => ReactNode; props: object };
  };
}

it("the dialog of a schema keeps what was typed, and its revision, when the schema is read again", async () => {
  const dialog = schemaDialog();
  const first = dialog({ schema: { title: "a" }, revision: "r1" });
  const form = shown(first.type);
  get(form(first.props), Editor).onChange('{"title":"mine"}');
  // It is also read again after a refusal, whose reason is a state of the form as well.
  const again = dialog({ schema: { title: "theirs" }, revision: "r2" });
  expect([again.type, again.key]).toEqual([first.type, first.key]);
  get(form(again.props), Editor).onSave();
  await settled();
  expect(sent()).toEqual([["r1", { schema: { title: "mine" } }]]);
});

it("the dialog of a schema begins with what is stored when it is opened", async () => {
  const cache = new QueryClient();
  fetched.mockImplementation(() => Promise.resolve(new Response("{}")));
  const close = new QueryObserver(cache, namespaceSchema(PLACE)).subscribe(() => undefined);
  await vi.waitFor(() => expect(cache.getQueryData(namespaceSchema(PLACE).queryKey)).toBeDefined());
  close();
  await vi.waitFor(() => expect(cache.getQueryData(namespaceSchema(PLACE).queryKey)).toBeUndefined());
});
