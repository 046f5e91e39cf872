// What was typed stays in a dialog that a conflict has replaced for a while, and what was not written is reported.
import { Button, NativeSelect } from "@mantine/core";
import { afterAll, expect, it, vi } from "vitest";

import { GrayChange } from "../src/pages/GrayChange";
import { OrConflict } from "../src/components/ConflictView";
import { DataTable } from "../src/components/DataTable";
import { ItemDialog } from "../src/components/ItemDialog";
import { StateChip } from "../src/components/StateChip";
import { get, shown, type Shown } from "./shallow";

const { useChanges } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  type UseChanges = (place: unknown, onDone: (made: object[]) => void) => object;
  return { useChanges: vi.fn<UseChanges>(() => ({ run: vi.fn(), conflict: null, error: null })) };
});
vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("../src/api/changes", () => ({ useChanges }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());

type Element = { type: (props: object) => never; props: { act?: object; role?: string; children?: unknown } };

const ITEM = { key: "limit", value: "1" };
const PARTS = {
  place: { app: "shop", env: "PRO", cluster: "default", ns: "application" },
  name: "b1",
  revision: "r1",
  facts: { items: [ITEM], master: new Map(), changes: 1 },
  rights: { edit: true },
  master: { items: [] },
  go: vi.fn(),
} as never;

/** The child of a page that is shown and has such properties. */
function child(page: unknown, is: (props: Element["props"]) => boolean): Element | undefined {
  const { children } = (page as Element).props;
  return (children as (Element | false | null)[]).find(
    (child): child is Element => child !== null && child !== false && is(child.props),
  );
}

/** The page, and the element of the act that edits the value or removes it. */
function began(at: 0 | 1) {
  const page = shown(GrayChange);
  const act = () => child(page(PARTS), (props) => props.act !== undefined);
  const begin = () => {
    const table = get<{ actions: (row: object) => { onClick: () => void }[] }>(page(PARTS), DataTable as never);
    table.actions(ITEM)[at]?.onClick();
    const begun = act();
    if (!begun) throw new Error("there is no act");
    return begun;
  };
  return { page, act, begin };
}

it("a gray value that is being edited is still in the dialog after a conflict", () => {
  const { type, props } = began(0).begin();
  const dialog = shown(type);
  const edit = { key: "limit", value: "300", type: 0, comment: "" };
  get(dialog(props), ItemDialog).onInput?.(edit);
  expect(get(dialog(props), OrConflict)).toBeDefined();
  expect(get(dialog(props), ItemDialog).start).toEqual(edit);
});

it("where no gray value was changed, this is reported until the next action", () => {
  for (const at of [0, 1] as const) {
    const { page, act, begin } = began(at);
    const status = () => child(page(PARTS), ({ role }) => role === "status")?.props.children;
    /** Ends the dialog, which has made these changes. */
    const done = (made: object[]) => {
      const { type, props } = begin();
      expect(status()).toBe(false);
      shown(type)(props);
      useChanges.mock.lastCall?.[1](made);
      expect(act()).toBeUndefined();
    };
    done([]);
    expect(status()).toBe("item.unchanged");
    done([ITEM]);
    expect(status()).toBe(false);
  }
});

/** The main line of a namespace: a comment, a key, and nothing with the name of a member of every object. */
const MAIN = [
  { key: "", comment: "# limits" },
  { key: "limit", value: "1" },
];

// X140
it("a gray release receives a new key although the main line has a comment", () => {
  const page = shown(GrayChange);
  const facts = { items: [], master: new Map([["limit", "1"]]), changes: 0 };
  const parts = { ...(PARTS as object), facts, master: { items: MAIN } } as never;
  const act = () => child(page(parts), (props) => props.act !== undefined)?.props.act;
  get<{ onClick: () => void }>(page(parts), Button as never).onClick();
  expect(act()).toMatchObject({ kind: "save", row: null, was: null });
  get<{ onChange: (event: object) => void }>(page(parts), NativeSelect as never).onChange({
    currentTarget: { value: "limit" },
  });
  expect(act()).toMatchObject({ kind: "save", row: { key: "limit", value: "1" }, was: null });
});

// X143
it("a gray value whose key has the name of a member of every object is a new one", () => {
  const item = { key: "constructor", value: "1" };
  const facts = { items: [item], master: new Map(), changes: 1 };
  const page = shown(GrayChange)({ ...(PARTS as object), facts } as never);
  const { columns } = get(page, DataTable<object>);
  const cells = columns.map(({ cell }) => cell(item)) as unknown as Shown[];
  const [state, , main] = cells.map(({ type, props }) => (typeof type === "function" ? type(props) : null));
  expect(get(state, StateChip).state).toBe("added");
  expect((main as unknown as Shown).props).toMatchObject({ children: "gray.change.unset" });
});
