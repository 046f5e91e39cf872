// What a dialog shows is what it sends, although the page behind it is read again meanwhile.
import { Button, Textarea } from "@mantine/core";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { ReadColumn } from "../src/api/compare";
import type { Draft, Place } from "../src/api/queries";
import type { Right } from "../src/api/roles";
import { AdminSettings } from "../src/pages/AdminSettings";
import { CompareResult } from "../src/pages/CompareResult";
import { ItemActs, type Act } from "../src/pages/ItemActs";
import { NamespaceItems } from "../src/pages/NamespaceItems";
import { PasteItems } from "../src/pages/PasteItems";
import type { Reviewed } from "../src/pages/Publish";
import { PublishForm } from "../src/pages/PublishForm";
import { Reapplied } from "../src/pages/Reapplied";
import { RestoreItems } from "../src/pages/RestoreItems";
import { SaveText } from "../src/pages/SaveText";
import { SettingDialog } from "../src/pages/SettingDialog";
import { CompareMatrix } from "../src/components/CompareMatrix";
import { Confirm } from "../src/components/Confirm";
import { DataTable } from "../src/components/DataTable";
import { Dialog } from "../src/components/Dialog";
import { ItemDialog } from "../src/components/ItemDialog";
import { ItemTable } from "../src/components/ItemTable";
import { LeaveGuard } from "../src/components/LeaveGuard";
import { RequestAccess } from "../src/components/RequestAccess";
import { Loaded } from "../src/components/States";
import { compareColumns, type CompareRow } from "../src/state/compare";
import { draftRows, keyChanges, type DraftRow } from "../src/state/draft";
import type { SettingRow } from "../src/text/settings";
import { find, get, shown } from "./shallow";

type Query = { queryKey: unknown[] };
const { data, earlier, read, run, publish, search, useChanges } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  /** What is read, by the beginning of its key, and what of it belongs to an earlier key. */
  const [data, earlier] = [new Map<string, unknown>(), new Set<string>()];
  const read = ({ queryKey }: Query) => {
    const key = [...data.keys()].find((key) => JSON.stringify(queryKey).startsWith(key)) ?? "";
    return { data: data.get(key), isPlaceholderData: earlier.has(key) };
  };
  const publish = vi.fn<(...sent: unknown[]) => Promise<{ id: number }>>(() => Promise.resolve({ id: 1 }));
  const run = vi.fn();
  const useChanges = vi.fn<typeof import("../src/api/changes").useChanges>(() => ({
    ...{ run, conflict: null, error: null, isPending: false },
    ...{ resolve: vi.fn(), closeConflict: vi.fn() },
  }));
  return { data, earlier, read, publish, run, search: { env: "DEV" }, useChanges };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useMemo: <T>(make: () => T) => make(),
  useRef: <T>(current: T) => ({ current }),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({ useHotkeys: vi.fn(), getHotkeyHandler: vi.fn(), useMediaQuery: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: () => ({ isPending: false, error: null }),
  useQuery: read,
  useQueries: ({ queries }: { queries: Query[] }) => queries.map(read),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useSearch: () => search, useNavigate: () => vi.fn() }),
}));
vi.mock("../src/api/changes", () => ({ useChanges }));
vi.mock("../src/api/editors", () => ({ useAnnounced: vi.fn() }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV", "PRO"] }),
}));
vi.mock("../src/api/writes", async (original) => ({ ...(await original()), publish }));
vi.mock("../src/state/commands", () => ({ useCommands: vi.fn() }));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));
vi.mock("../src/state/share", async (original) => ({ ...(await original()), useShared: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  data.clear();
  earlier.clear();
});

const PLACE: Place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
const content = (value: string) => ({ value, type: 0, comment: "" });
const namespace = (value: string, revision = "") => ({
  appId: "shop",
  clusterName: "default",
  namespaceName: "application",
  items: [{ key: "limit", ...content(value), extendInfo: { isModified: true, oldValue: "1" } }],
  revision,
});
const [SEEN, NEWER] = [namespace("100", "r1"), namespace("200", "r2")];

/** The page of a namespace, as it is with each of these drafts. */
function items() {
  const page = shown(NamespaceItems);
  const access = { canEdit: true, editor: null, canPublish: false } as never;
  return (draft: Draft) => page({ place: PLACE, draft, access });
}

it("a deletion from the dialog of an edit is based on the row that the dialog shows", () => {
  const page = items();
  const table = get(page(SEEN), ItemTable);
  table.edit?.onEdit(table.rows[0] as DraftRow);
  /** The dialog of the act of the page. */
  const dialog = (draft: Draft) => {
    const { type, props } = ItemActs(get(page(draft), ItemActs)) as { type: (props: object) => never; props: object };
    return shown(type)(props);
  };
  get(dialog(NEWER), ItemDialog).onDelete?.();
  get(dialog(NEWER), Confirm).onConfirm();
  expect(run).toHaveBeenCalledExactlyOnceWith([{ key: "limit", was: content("100"), now: null }], "r1");
});

it("a deletion from the dialog of a restored edit is based on what its user saw", () => {
  const row = draftRows(NEWER.items)[0] as DraftRow;
  const restored = { edit: { key: "limit", ...content("300") }, was: content("100"), revision: "r1" };
  const acts: (Act | null)[] = [];
  const dialog = (kept: object) => {
    const act = { kind: "edit", row, revision: "r2", restored: kept } as Act;
    const props = { act, place: PLACE, draft: NEWER, onAct: (act: Act | null) => acts.push(act), onDone: vi.fn() };
    const child = ItemActs(props) as unknown as { type: (props: object) => never; props: object };
    return get(shown(child.type)(child.props), ItemDialog);
  };
  dialog(restored).onDelete?.();
  expect(acts).toMatchObject([{ kind: "delete", revision: "r1", rows: [{ key: "limit", value: "100" }] }]);
  const { edit, revision } = restored;
  expect(dialog({ edit, revision }).onDelete, "what its user saw is not known").toBeUndefined();
});

it("what is undone is compared with what is stored then, which may be newer", () => {
  const page = items();
  const table = get(page(SEEN), ItemTable);
  table.edit?.onEdit(table.rows[0] as DraftRow);
  const made = { key: "limit", was: content("100"), now: content("150") };
  get(page(SEEN), ItemActs).onDone("saved", [made]);
  const button = get<{ children: string; onClick: () => void }>(page(NEWER), Button as never);
  expect(button.children).toBe("item.undo");
  button.onClick();
  expect(run).toHaveBeenCalledExactlyOnceWith([{ key: "limit", was: content("150"), now: content("100") }]);
});

it("where nothing was changed, this is reported, and there is nothing to undo", () => {
  const page = items();
  const table = get(page(SEEN), ItemTable);
  table.edit?.onDelete([...table.rows, { ...(table.rows[0] as DraftRow), key: "other" }]);
  const status = () => {
    const node = page(SEEN);
    const { children } = get<{ children: unknown[] }>(node, "div" as never);
    return [children[0], find<{ children: unknown }>(node, Button as never)?.children];
  };
  const acts = get(page(SEEN), ItemActs);
  const { type, props } = ItemActs(acts) as unknown as { type: (props: object) => ReactNode; props: object };
  void shown(type)(props);
  /** As if the dialog had deleted these. */
  const done = useChanges.mock.lastCall?.[1];
  const made = { key: "limit", was: content("100"), now: null };
  done?.([made], [made], false);
  expect(status()).toEqual(["item.deleted", "item.undo"]);
  done?.([], [], false);
  expect(status()).toEqual(["item.unchanged", undefined]);
  const onDone = vi.fn();
  const base = { items: [], revision: "r1" };
  shown(SaveText)({ place: PLACE, base, draft: SEEN, format: "json", text: "{}", onDone, onClose: vi.fn() });
  useChanges.mock.lastCall?.[1]([], [], false);
  expect(onDone).toHaveBeenCalledExactlyOnceWith(false);
});

it("what is published is what was reviewed when its dialog was opened", () => {
  const form = shown(PublishForm);
  const submitted: Reviewed[][] = [];
  const show = (draft: Draft, isOwnEdit = false) => {
    const changes = keyChanges(draftRows(draft.items ?? []));
    const current = [
      { place: PLACE, draft, changes, canPublish: true, isOwnEdit, emergency: isOwnEdit, violations: [] },
    ];
    const onSubmit = (reviewed: Reviewed[]) => submitted.push(reviewed);
    return form({ current, isReading: false, onSubmit, onAgain: vi.fn(), onPublished: vi.fn() });
  };
  const { onSubmit } = (show(SEEN) as unknown as { props: { onSubmit: () => void } }).props;
  onSubmit();
  // Meanwhile the user has edited it in another window, too.
  const dialog = get(show(NEWER, true), Confirm);
  expect(dialog.title).toBe("publish.confirmTitle");
  dialog.onConfirm();
  expect(submitted.map((reviewed) => reviewed[0]?.draft.revision)).toEqual(["r1"]);
  expect(publish).toHaveBeenCalledExactlyOnceWith(PLACE, expect.objectContaining({ isEmergencyPublish: false }), "r1");
});

it("the dialog of a setting closes when the page shows another environment", () => {
  for (const env of ["DEV", "PRO"]) {
    data.set(`["settings","${env}","known"`, []);
    data.set(`["settings","${env}"`, [{ key: "own.key", cluster: "default", value: env, revision: `of ${env}` }]);
  }
  const page = shown(AdminSettings);
  const show = (env: string) => {
    search.env = env;
    // React renders once more if the state changes in between.
    page({});
    return page({});
  };
  const { children } = get(show("PRO"), Loaded<unknown>);
  const table = get(children([]), DataTable<SettingRow>);
  const [edit] = table.actions?.(table.rows[0] as SettingRow) ?? [];
  edit?.onClick();
  expect(get(show("PRO"), SettingDialog)).toMatchObject({ env: "PRO", row: { stored: { value: "PRO" } } });
  expect(find(show("DEV"), SettingDialog)).toBeUndefined();
  expect(find(show("PRO"), SettingDialog)).toBeUndefined();
});

it("a setting cannot be edited before the stored one is read", () => {
  search.env = "DEV";
  data.set('["settings","DEV","known"', [{ key: "own.key" }]);
  expect(get(shown(AdminSettings)({}), Loaded<unknown>).query.data).toBeUndefined();
});

it("a cell that is opened stays the same when other places are compared, and closes when its own is not", () => {
  const column = (env: string, value: string): ReadColumn => ({
    ...{ env, cluster: "default", namespaces: [namespace(value)], missing: [] },
    ...{ isPending: false, error: null, isOffline: false, names: [] },
  });
  const [base, fat, uat] = [column("DEV", "100"), column("FAT", "200"), column("UAT", "300")];
  const page = shown(CompareResult);
  const show = (...columns: ReadColumn[]) => {
    const groups = compareColumns(base, columns, "draft");
    const props = { app: "shop", base, columns, side: "draft" as const, groups, total: 1, onShowAll: vi.fn() };
    // React renders once more if the state changes in between.
    page(props);
    return page(props);
  };
  const opened = (node: ReactNode) => {
    const { row, column } = (get(node, Dialog).children as { props: { row: CompareRow; column: number } }).props;
    return row.cells[column]?.value;
  };
  const matrix = get(show(fat, uat), CompareMatrix);
  matrix.onOpen(matrix.groups[0]?.rows[0] as CompareRow, 1);
  expect(opened(show(fat, uat))).toBe("300");
  expect(opened(show(uat, fat))).toBe("300");
  expect(find(show(fat), Dialog)).toBeUndefined();
  expect(find(show(fat, uat), Dialog)).toBeUndefined();
});

it("withdrawn values are compared with the release that is served, not with the target of the last rollback", () => {
  const at = '["history","shop","PRO","default","application"';
  // The rollback from 2 to 1 did not concern clients: they receive 3.
  data.set(`${at},"releases"`, [{ id: 9, operation: 1, releaseId: 1, previousReleaseId: 2 }]);
  const change = [{ key: "limit", changeType: "MODIFIED", oldValue: "50", newValue: "100" }];
  data.set('["compare","PRO",3,2]', change);
  const changes = keyChanges(draftRows(SEEN.items));
  const page = shown(Reapplied);
  data.set('["compare","PRO",0,2]', change);
  expect(page({ place: PLACE, changes }), "the served release is not known yet").toBeNull();
  data.delete('["compare","PRO",0,2]');
  data.set(`${at},"served"`, [{ id: 3 }]);
  expect(page({ place: PLACE, changes })).not.toBeNull();
});

it("a restored key gets the value that the dialog shows, although it was deleted once more meanwhile", () => {
  const deleted = (value: string) => ({ changeSets: JSON.stringify({ deleteItems: [{ key: "old", value }] }) });
  const dialog = shown(RestoreItems);
  const show = (values: string[]) => {
    data.set('["history"', values.map(deleted));
    return dialog({ place: PLACE, draft: SEEN, onDone: vi.fn(), onClose: vi.fn() });
  };
  const list = get(show(["1"]), Loaded<unknown>).children([]) as unknown as {
    props: { onToggle: (key: string, on: boolean) => void };
  };
  list.props.onToggle("old", true);
  get(show(["2", "1"]), Confirm).onConfirm();
  expect(run).toHaveBeenCalledExactlyOnceWith([{ key: "old", was: null, now: content("2") }], "r1");
});

it("what is pasted is not said to be kept when the page is left", () => {
  const dialog = shown(PasteItems);
  const show = () => dialog({ place: PLACE, draft: SEEN, onDone: vi.fn(), onClose: vi.fn() });
  data.set('["paste"', { items: [], problems: [] });
  expect(find(show(), LeaveGuard)).toBeUndefined();
  get<{ onChange: (event: object) => void }>(show(), Textarea as never).onChange({ currentTarget: { value: "a=1" } });
  expect(get(show(), LeaveGuard)).toMatchObject({ areLost: true });
});

it("what is pasted is saved only with its own preview", () => {
  const dialog = shown(PasteItems);
  const show = () => dialog({ place: PLACE, draft: SEEN, onDone: vi.fn(), onClose: vi.fn() });
  data.set('["paste"', { items: [{ key: "new", ...content("1") }], problems: [] });
  earlier.add('["paste"');
  get(show(), Confirm).onConfirm();
  expect(run).not.toHaveBeenCalled();
  earlier.clear();
  get(show(), Confirm).onConfirm();
  expect(run).toHaveBeenCalledExactlyOnceWith([{ key: "new", was: null, now: content("1") }], "r1");
});

it("access is requested to the namespace for which the dialog was opened", () => {
  data.set('["access","shop","requests"', []);
  const page = shown(RequestAccess);
  const show = (ns: string, missing: Right[]) => page({ at: { ...PLACE, ns }, missing });
  get<{ onClick: () => void }>(show("application", ["edit"]), Button as never).onClick();
  const { children } = (show("other", ["publish"]) as unknown as { props: { children: { props: object }[] } }).props;
  expect(children.at(-1)?.props).toMatchObject({ at: { ns: "application" }, missing: ["edit"] });
});
