// The step of a gray release that an address without one opens.
import type { ReactNode } from "react";
import { afterAll, expect, it, vi } from "vitest";

import { Gray } from "../src/pages/Gray";
import { GrayAudience } from "../src/pages/GrayAudience";
import { GrayObserve } from "../src/pages/GrayObserve";
import { Loaded } from "../src/components/States";
import { find, get, named, shown } from "./shallow";

const { branched, search, state } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const none = { total: 0, list: [] };
  return {
    branched: { items: [{ key: "limit", value: "1" }], revision: "r1", clusterName: "b1" },
    search: { step: undefined as string | undefined },
    state: { rules: [] as object[], release: null, history: [], onGray: none, inBranch: none, onMaster: none },
  };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQuery: ({ queryKey }: { queryKey: unknown[] }) => {
    const isState = queryKey[0] === "gray" && queryKey.at(-1) === "b1";
    return { data: isState ? state : { ...branched, items: queryKey[0] === "draft" ? [] : branched.items } };
  },
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({
    useParams: () => ({ app: "shop", env: "PRO", cluster: "default", ns: "application" }),
    useSearch: () => search,
    useNavigate: () => vi.fn(),
  }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" } }),
}));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());

/** What is shown of a list once it is read. */
function loaded(node: ReactNode): ReactNode {
  const { query, children } = get(node, Loaded<unknown>);
  return children(query.data);
}

// X143: what was entered was lost.
it("an audience that is being entered stays when somebody else stores one, until another step is chosen", () => {
  const { type, props } = named(loaded(loaded(shown(Gray)({}))), "Stepper");
  const stepper = shown(type);
  expect(find(stepper(props), GrayAudience)).toBeDefined();
  state.rules = [{ clientAppId: "shop", clientIpList: ["10.0.0.2"] }];
  expect(get(stepper(props), GrayAudience).facts.rules).toBe(1);
  search.step = "observe";
  expect(find(stepper(props), GrayObserve)).toBeDefined();
  search.step = undefined;
  expect(find(stepper(props), GrayObserve), "an address without a step again").toBeDefined();
});
