// What is being sent is not sent again.
import { Button, NativeSelect } from "@mantine/core";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { ReadColumn } from "../src/api/compare";
import { AdminRoles } from "../src/pages/AdminRoles";
import { AdminWebhooks } from "../src/pages/AdminWebhooks";
import { CompareResult } from "../src/pages/CompareResult";
import { ConsumerRoles } from "../src/pages/ConsumerRoles";
import { CreatedIn } from "../src/pages/CreatedIn";
import { NewApp } from "../src/pages/NewApp";
import { NewNamespace } from "../src/pages/NewNamespace";
import { SettingsTransfer } from "../src/pages/SettingsTransfer";
import { CompareMatrix } from "../src/components/CompareMatrix";
import { DataTable, type RowAction } from "../src/components/DataTable";
import { ItemDialog } from "../src/components/ItemDialog";
import { ResultList } from "../src/components/ResultList";
import { Loaded } from "../src/components/States";
import { compareColumns, type CompareRow } from "../src/state/compare";
import { get, named, shown } from "./shallow";

const { data, write } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/", querySelector: () => null });
  /** What pages read, by the beginning of its key, and the state of all writes. */
  const data = new Map<string, unknown>();
  return { data, write: { isPending: false, isSuccess: false, error: null, mutate: vi.fn() } };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({
  getHotkeyHandler: ([[, save]]: [[string, () => void]]) => save,
  useDebouncedValue: (value: unknown) => [value],
  useMediaQuery: vi.fn(),
}));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: () => ({ ...write }),
  useQuery: ({ queryKey }: { queryKey: unknown[] }) => {
    const key = [...data.keys()].find((key) => JSON.stringify(queryKey).startsWith(key)) ?? "";
    return { data: data.get(key) };
  },
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useParams: () => ({ app: "shop" }), useSearch: () => ({}), useNavigate: () => vi.fn() }),
  useNavigate: () => vi.fn(),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV"] }),
}));
vi.mock("../src/api/rights", () => ({
  useAppAdmin: () => true,
  useMayBePrivate: () => true,
  useMayCreate: () => true,
  useWritable: () => () => true,
}));
vi.mock("../src/state/share", async (original) => ({ ...(await original()), useShared: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  data.clear();
  write.isPending = false;
});

it("the keys that save an item do nothing while it is saved", () => {
  const onSave = vi.fn();
  const row = { key: "limit", state: "live", value: "1", live: "1", type: 0, comment: "" } as never;
  const dialog = shown(ItemDialog);
  const press = (isPending: boolean) => {
    const props = { row, write: { isPending, error: null }, onSave, onDelete: undefined, onClose: vi.fn() };
    get<{ onKeyDown: () => void }>(dialog(props), "form" as never).onKeyDown();
  };
  press(true);
  expect(onSave).not.toHaveBeenCalled();
  press(false);
  expect(onSave).toHaveBeenCalledTimes(1);
});

it("a copy in the comparison, and the addition of namespaces, are not repeated while they run", () => {
  const column = (env: string, value: string): ReadColumn => ({
    ...{ env, cluster: "default", missing: [], isPending: false, error: null, isOffline: false, names: [] },
    namespaces: [
      { appId: "shop", clusterName: "default", namespaceName: "application", items: [{ key: "limit", value }] },
    ],
  });
  const [base, target] = [column("DEV", "1"), column("PRO", "2")];
  const groups = compareColumns(base, [target], "draft");
  const props = { app: "shop", base, columns: [target], side: "draft" as const, groups, total: 1, onShowAll: vi.fn() };
  const page = shown(CompareResult);
  const press = () => {
    const { onCopy, onAdd } = get(page(props), CompareMatrix);
    onCopy(groups[0]?.rows[0] as CompareRow, 0);
    onAdd?.(0);
  };
  write.isPending = true;
  press();
  expect(write.mutate).not.toHaveBeenCalled();
  write.isPending = false;
  press();
  expect(write.mutate).toHaveBeenCalledTimes(2);
});

it("an app is added to the environments that lack it once at a time", () => {
  data.set('["app","shop","clusters"]', [{ env: "DEV", clusters: ["default"] }, { env: "FAT" }]);
  const outcomes = () => get(CreatedIn({ app: { appId: "shop", name: "Shop" } }), ResultList<string>);
  expect(outcomes().outcomes.map(({ state }) => state)).toEqual(["done", "failed"]);
  outcomes().onRetry?.();
  expect(write.mutate).toHaveBeenCalledExactlyOnceWith(["FAT"]);
  // The list offers to repeat what has failed once nothing is running any more.
  write.isPending = true;
  expect(outcomes().outcomes.map(({ state }) => state)).toEqual(["done", "running"]);
});

/** What the buttons of the first row say. */
function reasons(node: ReactNode): RowAction["why"][] {
  const { rows, actions } = get(node, DataTable<unknown>);
  return (actions?.(rows[0]) ?? []).map(({ why }) => why || undefined);
}

it("rows whose buttons act at once state that they wait for the server", () => {
  data.set('["creators"]', ["ann"]);
  data.set('["consumer-roles"', ["Master+shop"]);
  const list = (page: ReactNode) => get(page, Loaded<unknown>).children;
  /** Of a table within the list of a page. */
  const shownIn = {
    creators: () => {
      const all: unknown[] = [];
      collect(shown(AdminRoles)({}), all);
      const { type, props } = (all.at(-1) as { children: (list: string[]) => { type: never; props: object } }).children(
        ["ann"],
      );
      return shown(type as (props: object) => ReactNode)(props);
    },
    roles: () => list(ConsumerRoles({ appId: "ci" }))(["Master+shop"]),
    webhooks: () => list(shown(AdminWebhooks)({}))([{ id: 1, url: "https://x.example" }]),
  };
  const all = () => Object.values(shownIn).map((show) => reasons(show()).filter(Boolean));
  expect(all()).toEqual([[], [], []]);
  write.isPending = true;
  expect(all()).toEqual([["why.sending"], ["why.sending"], ["why.sending"]]);
});

/** The properties of all lists that are loaded. */
function collect(node: unknown, found: unknown[]): void {
  if (typeof node !== "object" || node === null) return;
  const { type, props } = node as { type?: unknown; props?: object };
  if (type === Loaded) found.push(props);
  for (const child of Array.isArray(node) ? node : Object.values(props ?? {})) collect(child, found);
}

it("the target of an import stays until its outcome is known", () => {
  const page = shown(SettingsTransfer);
  const places = [{ env: "DEV", clusters: ["default"] }];
  const isDisabled = () => get<{ disabled: boolean }>(page({ app: "shop", places }), NativeSelect as never).disabled;
  expect(isDisabled()).toBe(false);
  write.isPending = true;
  expect(isDisabled()).toBe(true);
});

it("a new app or namespace is not created again before its page is shown", () => {
  const forms = {
    Form: () => named(get(shown(NewApp)({}), Loaded<unknown>).children([]), "Form"),
    Own: () => named(shown(NewNamespace)({}), "Own"),
  };
  const isLoading = () =>
    Object.values(forms).map((form) => {
      const { type, props } = form();
      return get<{ loading: boolean }>(shown(type)(props), Button as never).loading;
    });
  write.isSuccess = false;
  expect(isLoading()).toEqual([false, false]);
  write.isSuccess = true;
  expect(isLoading()).toEqual([true, true]);
});
