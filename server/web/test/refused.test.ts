// What was refused is reported where it was asked for, and not with what is asked for next.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../src/api/errors";
import { AppCards } from "../src/pages/AppCards";
import { SettingsClusters } from "../src/pages/SettingsClusters";
import { SettingsDanger } from "../src/pages/SettingsDanger";
import { SettingsGeneral } from "../src/pages/SettingsGeneral";
import { SettingsKeys } from "../src/pages/SettingsKeys";
import { ConfirmName } from "../src/components/ConfirmName";
import { copied } from "../src/components/copy";
import { Filtered } from "../src/components/Filtered";
import { usePins } from "../src/components/PinButton";
import { Failure, Loaded } from "../src/components/States";
import { toastFailure } from "../src/components/toast";
import { copyText } from "../src/text/copy";
import { find, get, named, shown } from "./shallow";

const { execCommand, mutations, showToast, write } = vi.hoisted(() => {
  const execCommand = vi.fn(() => true);
  const field = { select: vi.fn(), remove: vi.fn() };
  vi.stubGlobal("document", {
    ...{ baseURI: "https://portal.example.org/", querySelector: () => null, execCommand },
    ...{ createElement: () => field, body: { append: vi.fn() }, activeElement: null },
  });
  vi.stubGlobal("window", { isSecureContext: false });
  vi.stubGlobal("HTMLElement", Object);
  return {
    execCommand,
    mutations: [] as { onError?: unknown }[],
    showToast: vi.fn<(message: string) => void>(),
    write: { isPending: false, error: null as Error | null, mutate: vi.fn(), reset: vi.fn() },
  };
});

vi.mock("i18next", () => ({ default: { t: (key: string) => key } }));
vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useRef: <T>(current: T) => ({ current }),
  useDeferredValue: <T>(value: T) => value,
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: (options: object) => {
    mutations.push(options);
    return write;
  },
  useQuery: () => ({}),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useSearch: () => ({}), useNavigate: () => vi.fn() }),
  useNavigate: () => vi.fn(),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV"] }),
}));
vi.mock("../src/api/rights", () => ({
  useAppAdmin: () => true,
  useMayCreate: () => true,
  useRoot: () => true,
}));
vi.mock("../src/components/Toasts", () => ({ showToast }));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  mutations.length = 0;
  write.error = null;
});

it("a refused pin, and a refused change of their order, are reported in the user's language", async () => {
  const app = { appId: "shop", name: "Shop" };
  usePins();
  const cards = AppCards({ apps: [app, { ...app, appId: "other" }], isOrdered: true }) as unknown as {
    props: { children: { props: { children: unknown } }[] };
  };
  const second = cards.props.children[1];
  const { type, props } = named(second, "ToTop");
  void shown(type)(props);
  expect(mutations.map(({ onError }) => onError)).toEqual([toastFailure, toastFailure, toastFailure]);
  toastFailure(new ApiError(403, "Access is denied"));
  await vi.waitFor(() => expect(showToast).toHaveBeenCalledExactlyOnceWith("error.forbidden.what"));
});

it("a text that the browser does not copy is not reported as copied", async () => {
  expect(await copied("secret")).toBe(true);
  expect(showToast).not.toHaveBeenCalled();
  execCommand.mockReturnValue(false);
  await expect(copyText("secret")).rejects.toThrow();
  expect(await copied("secret")).toBe(false);
  await vi.waitFor(() => expect(showToast).toHaveBeenCalledExactlyOnceWith("share.refused"));
});

const PLACES = [{ env: "DEV", clusters: ["default", "fra1"] }];

it("a dialog does not show why an earlier action was refused", () => {
  const clusters = shown(SettingsClusters);
  const cluster = { env: "DEV", cluster: "fra1" };
  const list = () => get(clusters({ app: "shop", places: PLACES }), Filtered<object>).children([cluster]);
  const open = () => get<{ onClick: () => void }>(list(), Button as never).onClick();
  open();
  expect(write.reset).toHaveBeenCalledTimes(1);
  get(clusters({ app: "shop", places: PLACES }), ConfirmName).onClose();
  expect(write.reset).toHaveBeenCalledTimes(2);
  const danger = shown(SettingsDanger);
  get<{ onClick: () => void }>(danger({ app: "shop", places: PLACES }), Button as never).onClick();
  get(danger({ app: "shop", places: PLACES }), ConfirmName).onClose();
  expect(write.reset).toHaveBeenCalledTimes(3);
  const { type, props } = named(shown(SettingsKeys)({ app: "shop", places: PLACES }), "Keys");
  const key = { id: 1, secret: "s", mode: "off", by: "ann", at: undefined };
  const page = shown(type);
  const rows = get(page(props), Loaded<object[]>).children([key]);
  const row = named(rows, "KeyRow").props as { onAct: (act: object) => void };
  row.onAct({ key, to: "observe" });
  expect(write.reset).toHaveBeenCalledTimes(4);
});

it("details of an app that somebody else has changed are offered after the refusal", () => {
  const stored = (name: string) => ({ appId: "shop", name, revision: `of ${name}` });
  const list = get(SettingsGeneral({ app: "shop", places: PLACES }), Loaded<object>).children(stored("Shop"));
  const { type } = named(list, "Form");
  const form = shown(type);
  const show = (name: string) => form({ stored: stored(name) });
  const nameOf = (node: ReactNode) => {
    const all: { value?: string }[] = [];
    collect(node, all);
    return all.map(({ value }) => value).find((value) => value !== "shop");
  };
  expect(nameOf(show("Shop"))).toBe("Shop");
  write.error = new ApiError(409, "", "stale_revision");
  const { onRetry } = get(show("Theirs"), Failure);
  expect(nameOf(show("Theirs")), "what was typed stays").toBe("Shop");
  onRetry?.();
  expect(nameOf(show("Theirs"))).toBe("Theirs");
  expect(write.reset).toHaveBeenCalledTimes(1);
  write.error = new ApiError(400, "");
  expect(find(show("Theirs"), Failure)?.onRetry).toBeUndefined();
});

/** The fields of a form. */
function collect(node: unknown, found: object[]): void {
  if (typeof node !== "object" || node === null) return;
  const { props } = node as { props?: object };
  if (props && "label" in props && "value" in props) found.push(props);
  for (const child of Array.isArray(node) ? node : Object.values(props ?? {})) collect(child, found);
}
