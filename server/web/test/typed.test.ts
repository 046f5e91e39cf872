// What was typed stays in a dialog that a conflict has replaced for a while.
import { afterAll, expect, it, vi } from "vitest";

import { GrayChange } from "../src/pages/GrayChange";
import { OrConflict } from "../src/parts/ConflictView";
import { DataTable } from "../src/parts/DataTable";
import { ItemDialog } from "../src/parts/ItemDialog";
import { get, shown } from "./shallow";

vi.hoisted(() => vi.stubGlobal("document", { baseURI: "https://portal.example.org/" }));
vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("../src/api/changes", () => ({ useChanges: () => ({ run: vi.fn(), conflict: null, error: null }) }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());

type Element = { type: (props: object) => never; props: { act?: object; children?: unknown } };

/** The element of the act of a page, which is its last child that is shown. */
function act(page: unknown): Element {
  const { children } = (page as Element).props;
  const found = (children as (Partial<Element> | false)[]).find((child) => child && child.props?.act);
  if (!found) throw new Error("there is no act");
  return found as Element;
}

it("a gray value that is being edited is still in the dialog after a conflict", () => {
  const item = { key: "limit", value: "1" };
  const page = shown(GrayChange);
  const parts = {
    place: { app: "shop", env: "PRO", cluster: "default", ns: "application" },
    name: "b1",
    revision: "r1",
    facts: { items: [item], master: {}, changes: 1 },
    rights: { edit: true },
    master: { items: [] },
    go: vi.fn(),
  } as never;
  const table = get<{ actions: (row: object) => { onClick: () => void }[] }>(page(parts), DataTable as never);
  table.actions(item)[0]?.onClick();
  const { type, props } = act(page(parts));
  const dialog = shown(type);
  const edit = { key: "limit", value: "300", type: 0, comment: "" };
  get(dialog(props), ItemDialog).onInput?.(edit);
  expect(get(dialog(props), OrConflict)).toBeDefined();
  expect(get(dialog(props), ItemDialog).start).toEqual(edit);
});
