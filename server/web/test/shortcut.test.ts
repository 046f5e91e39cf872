// Single keys: not with a modifier, which is for the browser, and not for users who have switched them off.
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { CompareToolbar } from "../src/pages/CompareToolbar";
import { Gray } from "../src/pages/Gray";
import { EnvSwitch } from "../src/components/EnvSwitch";
import { Loaded } from "../src/components/States";
import { get, named, shown } from "./shallow";

const { data, navigate, useShortcuts } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const namespace = { items: [], revision: "r1", clusterName: "b1" };
  const state = { rules: [], release: null, history: [] };
  const empty = { total: 0, list: [] };
  const data: [string, unknown][] = [
    [
      '["gray","shop","PRO","default","application","b1"',
      { ...state, onGray: empty, inBranch: empty, onMaster: empty },
    ],
    ['["gray"', namespace],
    ['["draft"', namespace],
    ['["access"', { edit: true, publish: true, admins: [] }],
  ];
  return { data, navigate: vi.fn(), useShortcuts: vi.fn<(shortcuts: Record<string, () => void>) => void>() };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useRef: <T>(current: T) => ({ current }),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@mantine/hooks", () => ({ useMediaQuery: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQuery: ({ queryKey }: { queryKey: unknown[] }) => ({
    data: data.find(([start]) => JSON.stringify(queryKey).startsWith(start))?.[1],
  }),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({
    useParams: () => ({ app: "shop", env: "PRO", cluster: "default", ns: "application" }),
    useSearch: () => ({}),
    useNavigate: () => navigate,
  }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["PRO"] }),
}));
vi.mock("../src/state/keys", () => ({ useShortcuts }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => vi.clearAllMocks());

/** The keys of what is shown. */
const keys = () => useShortcuts.mock.calls.flatMap(([shortcuts]) => Object.keys(shortcuts));

it("a letter chooses an environment, but not together with Ctrl, which prints or searches the page", () => {
  const onChange = vi.fn();
  const places = ["DEV", "PRO"].map((env) => ({ env, clusters: ["default"] }));
  const node = EnvSwitch({ places, env: "DEV", cluster: "default", onChange });
  const { onKeyDown } = get<{ onKeyDown: (event: object) => void }>(node, "fieldset" as never);
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) onKeyDown({ key: "p", [modifier]: true });
  expect(onChange).not.toHaveBeenCalled();
  onKeyDown({ key: "p" });
  expect(onChange).toHaveBeenCalledExactlyOnceWith("PRO", "default");
});

it("the keys of the comparison and of a gray release can be switched off", () => {
  const target = { env: "DEV", cluster: "default" };
  const about = { places: [], base: target, against: [], namespaces: [], search: {}, onChange: vi.fn() };
  shown(CompareToolbar)({ ...about, counts: [0, 0] });
  expect(keys()).toEqual(["/"]);
  useShortcuts.mockClear();
  const stepper = named(loaded(loaded(shown(Gray)({}))), "Stepper");
  void shown(stepper.type)(stepper.props);
  expect(keys()).toEqual(["1", "2", "3", "4"]);
  useShortcuts.mock.calls[0]?.[0]["3"]?.();
  expect(navigate).toHaveBeenCalledExactlyOnceWith({ search: { step: "observe" } });
});

/** What is shown of a list once it is read. */
function loaded(node: ReactNode): ReactNode {
  const { query, children } = get(node, Loaded<unknown>);
  return children(query.data);
}
