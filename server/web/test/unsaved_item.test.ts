// Edits of items that were left unsaved: each is kept until it is stored or dropped itself, whatever else is edited
// meanwhile, in this window or in another one.
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { Place } from "../src/api/queries";
import { ItemActs } from "../src/pages/ItemActs";
import { NamespaceItems } from "../src/pages/NamespaceItems";
import { ItemDialog } from "../src/components/ItemDialog";
import { ItemTable } from "../src/components/ItemTable";
import { get, named, shown } from "./shallow";

type UseChanges = typeof import("../src/api/changes").useChanges;
const { kept, setItem, useChanges } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const kept = new Map<string, string>();
  const setItem = vi.fn<(name: string, text: string) => void>();
  vi.stubGlobal("localStorage", {
    get length() {
      return kept.size;
    },
    key: (at: number) => [...kept.keys()][at] ?? null,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem,
    removeItem: (name: string) => void kept.delete(name),
  });
  const useChanges = vi.fn<UseChanges>(() => ({
    ...{ run: vi.fn(), conflict: null, error: null, isPending: false },
    ...{ resolve: vi.fn(), closeConflict: vi.fn() },
  }));
  return { kept, setItem, useChanges };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useMemo: <T>(make: () => T) => make(),
  useRef: <T>(current: T) => ({ current }),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({ useHotkeys: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useQuery: () => ({}),
  useQueries: () => [],
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useSearch: () => ({}), useNavigate: () => vi.fn() }),
}));
vi.mock("../src/api/changes", () => ({ useChanges }));
vi.mock("../src/api/editors", () => ({ useAnnounced: vi.fn() }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["PRO"] }),
}));
vi.mock("../src/state/commands", () => ({ useCommands: vi.fn() }));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));
vi.mock("../src/state/share", async (original) => ({ ...(await original()), useShared: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  vi.spyOn(Date, "now").mockReturnValue(1);
  kept.clear();
  setItem.mockImplementation((name, text) => void kept.set(name, text));
});

const PLACE: Place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
const KEYS = ["a", "b", "a+b"];
const DRAFT = {
  ...{ appId: "shop", clusterName: "default", namespaceName: "application", revision: "r1" },
  items: KEYS.map((key) => ({ key, value: "stored", type: 0, comment: "" })),
};

type Offer = { children: { props: { children: unknown; onClick?: () => void } }[] };

/** A window with the namespace. */
function open() {
  const page = shown(NamespaceItems);
  const show = () => page({ place: PLACE, draft: DRAFT, access: { canEdit: true, editor: null } as never });
  /** What is offered when no dialog is open: the key of each edit, and its buttons. */
  const offers = () => {
    const { type, props } = named(show(), "Restore");
    const rows = shown(type)(props) as unknown as { props: Offer }[];
    return rows.map(({ props: { children } }) => {
      const [text, drop, restore] = children;
      const key = get<{ children: string }>(text, "code" as never).children;
      return { key, drop: drop?.props.onClick, restore: restore?.props.onClick };
    });
  };
  /** The dialog that is open. */
  const dialog = () => {
    const { type, props } = ItemActs(get(show(), ItemActs)) as unknown as {
      type: (props: object) => ReactNode;
      props: object;
    };
    const save = shown(type);
    return {
      type: (key: string, value: string) =>
        get(save(props), ItemDialog).onInput?.({ key, value, type: 0, comment: "" }),
      start: () => get(save(props), ItemDialog).start,
      /** As if the server had stored it. */
      save: () => {
        void save(props);
        useChanges.mock.lastCall?.[1]([], [], false);
      },
    };
  };
  return {
    offers,
    keys: () => offers().map(({ key }) => key),
    edit: (key: string) => {
      const { rows, edit } = get(show(), ItemTable);
      const row = rows.find((row) => row.key === key);
      if (row) edit?.onEdit(row);
      return dialog();
    },
    add: () => {
      get<{ onAct: (act: object) => void }>(show(), named(show(), "AddActs").type as never).onAct({ kind: "add" });
      return dialog();
    },
    dialog,
  };
}

// X141
it("an edit that is stored removes no edit of another key, also of another window", () => {
  open().edit("a").type("a", "mine");
  const other = open().edit("b");
  other.type("b", "other");
  expect(open().keys()).toEqual(["a", "b"]);
  other.save();
  const [offer] = open().offers();
  expect(offer?.key).toBe("a");
  const page = open();
  page.offers()[0]?.restore?.();
  expect(page.dialog().start()).toMatchObject({ key: "a", value: "mine" });
  page.dialog().save();
  expect(open().keys()).toEqual([]);
});

// X141
it("a save without an edit, and one of what another window has replaced, remove nothing", () => {
  const first = open().edit("a");
  first.type("a", "first");
  open().edit("a").save();
  expect(open().keys()).toEqual(["a"]);
  open().edit("a").type("a", "second");
  first.save();
  const page = open();
  page.offers()[0]?.restore?.();
  expect(page.dialog().start()).toMatchObject({ value: "second" });
});

// X141
it("a new key keeps no edit of another one while it is typed, and each form of a new key is kept", () => {
  open().edit("a").type("a", "mine");
  const form = open().add();
  for (const key of ["a", "a+b", "a+b.new"]) form.type(key, "1");
  expect(open().keys()).toEqual(["a", "a+b.new"]);
  vi.spyOn(Date, "now").mockReturnValue(2);
  open().add().type("other", "2");
  expect(open().keys()).toEqual(["a", "a+b.new", "other"]);
  form.save();
  expect(open().keys()).toEqual(["a", "other"]);
});

// X141
it("an edit for whose end there was no space is removed with the save as well", () => {
  const form = open().edit("a");
  form.type("a", "mine");
  setItem.mockImplementation(() => {
    throw new Error("full");
  });
  form.type("a", "mine, and longer");
  expect(open().keys()).toEqual(["a"]);
  form.save();
  expect([...kept.keys()]).toEqual([]);
});

it("an edit is dropped alone, and one that an earlier version kept is offered", () => {
  const former = "castalia.unsaved.ann+shop+PRO+default+application";
  kept.set(former, JSON.stringify({ edit: { key: "b", value: "1", type: 0, comment: "" }, revision: "r1" }));
  kept.set(`${former}2`, JSON.stringify({ edit: { key: "c" }, revision: "r1" }));
  open().edit("a+b").type("a+b", "mine");
  expect(open().keys()).toEqual(["b", "a+b"]);
  open().offers()[0]?.drop?.();
  expect(open().keys()).toEqual(["a+b"]);
  expect(kept.has(`${former}2`)).toBe(true);
});
