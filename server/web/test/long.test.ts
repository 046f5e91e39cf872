// A cluster whose values are too long together for one answer.
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { useColumns } from "../src/api/compare";
import { ApiError, errorKind } from "../src/api/errors";
import { useServed } from "../src/api/live";
import { FirstSteps } from "../src/pages/FirstSteps";
import { compareColumns } from "../src/state/compare";
import { lacksSigns } from "../src/state/namespaces";
import { get } from "./shallow";

type Query = { queryKey: unknown[]; enabled?: boolean };
const { current, fetched } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  return { fetched, current: { cache: undefined as QueryClient | undefined, queries: [] as Query[] } };
});

vi.mock("react", async (original) => ({ ...(await original()), useMemo: <T>(make: () => T) => make() }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQuery: (query: Query) => result(query),
  useQueries: ({ queries, combine }: { queries: Query[]; combine?: (results: unknown[]) => unknown }) => {
    const results = queries.map(result);
    return combine ? combine(results) : results;
  },
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  fetched.mockReset();
  current.cache = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
});

/** What is known of a query now. */
function result(query: Query) {
  const { cache } = current;
  if (!cache) throw new Error("there is no cache");
  current.queries.push(query);
  return new QueryObserver(cache, query).getOptimisticResult(cache.defaultQueryOptions(query));
}

/** What a hook or a component returns once all that it reads has been answered. */
async function settled<Output>(render: () => Output): Promise<Output> {
  for (;;) {
    current.queries = [];
    const output = render();
    const missing = current.queries.filter((query) => query.enabled !== false && result(query).isPending);
    if (missing.length === 0) return output;
    await Promise.allSettled(missing.map(async (query) => current.cache?.query(query)));
  }
}

const namespace = (env: string, name: string, value?: string) => ({
  ...{ appId: "shop", clusterName: "default", namespaceName: name, extendInfo: { parentAppId: "shop" } },
  items: value === undefined ? [] : [{ key: "limit", value: `${value} of ${env}` }],
});
const NAMES = ["application", "texts"];
const LONG = { message: "The items have more than 32 MiB", code: "answer_too_long" };

/** Answers each read of a batch: the lists with items of these environments are too long. */
function answering(long: string[]): void {
  const answer = (path: string): [number, unknown] => {
    const [, env = ""] = /envs\/([A-Z]+)/.exec(path) ?? [];
    if (path.includes("missing-namespaces")) return [200, []];
    const [, name] = /namespaces\/(\w+)/.exec(path) ?? [];
    if (name !== undefined) return [200, namespace(env, name, "1")];
    if (!path.includes("fillItemDetail=true")) return [200, NAMES.map((one) => namespace(env, one))];
    return long.includes(env) ? [413, LONG] : [200, NAMES.map((one) => namespace(env, one, "1"))];
  };
  fetched.mockImplementation((address) => {
    const url = new URL(address as string, "https://portal.example.org");
    const paths = url.searchParams.get("paths")?.split("\n");
    if (!paths) {
      const [status, body] = answer(url.pathname + url.search);
      return Promise.resolve(Response.json(body, { status }));
    }
    const lines = paths.map((path, index) => {
      const [status, body] = answer(path);
      return `{"index":${index},"status":${status},"headers":{},"body":${JSON.stringify(body)}}\n`;
    });
    return Promise.resolve(new Response(lines.join("")));
  });
}

const TARGETS = ["DEV", "PRO"].map((env) => ({ env, cluster: "default" }));
/** The columns with what is compared of them. */
const columns = async (ns?: string) => {
  const found = await settled(() => useColumns("shop", TARGETS, ns));
  const [base, ...others] = found;
  if (!base) throw new Error("there is no column");
  const groups = compareColumns(base, others, "draft", ns);
  const rows = groups.flatMap((group) => group.rows.map(({ base, cells }) => [base.value, cells[0]?.value]));
  return { found, rows };
};

it("a chosen namespace is compared, although the values of its cluster are too long together", async () => {
  answering(["PRO"]);
  const { found, rows } = await columns("texts");
  expect(found.map(({ error }) => error)).toEqual([null, null]);
  expect(rows).toEqual([["1 of DEV", "1 of PRO"]]);
  // Otherwise no other one could be chosen.
  expect(found.map(({ names }) => names)).toEqual([NAMES, NAMES]);
});

it("without a chosen namespace, the reason is shown, and the names to choose from", async () => {
  answering(["DEV", "PRO"]);
  const { found, rows } = await columns();
  expect(rows).toEqual([]);
  expect(found.map(({ error }) => errorKind(error))).toEqual(["tooLong", "tooLong"]);
  expect(found.map(({ names }) => names)).toEqual([NAMES, NAMES]);
});

it("shorter clusters are read with one list, whatever is chosen", async () => {
  answering([]);
  expect((await columns()).rows).toHaveLength(2);
  expect((await columns("texts")).rows).toEqual([["1 of DEV", "1 of PRO"]]);
  const paths = fetched.mock.calls.map(([address]) => address as string).join("\n");
  expect(paths.match(/fillItemDetail=true/g)).toHaveLength(2);
  expect(paths).not.toContain("fillItemDetail=false");
});

it("what is too long to be read is not called too long to be stored", () => {
  expect(errorKind(new ApiError(413, "", "env_answer_too_long"))).toBe("tooLong");
  expect(errorKind(new ApiError(413, ""))).toBe("large");
});

it("signs are missing where no namespace of several has been asked for them", () => {
  const [first, second] = NAMES.map((name) => namespace("DEV", name));
  if (!first || !second) throw new Error("there are no namespaces");
  const withSigns = { ...second, extendInfo: { isGray: false } };
  expect([lacksSigns([first, second]), lacksSigns([first, withSigns])]).toEqual([true, false]);
  expect([lacksSigns([first]), lacksSigns([])], "there is nothing to compare").toEqual([false, false]);
});

/** The first steps of an app with so many items and releases, and the paths that they read. */
async function firstSteps(items: number, releases: object[], names = ["application"]) {
  fetched.mockImplementation((address) => {
    const { searchParams } = new URL(address as string, "https://portal.example.org");
    const bodies = (searchParams.get("paths") ?? "").split("\n").map((path) => {
      if (path.includes("/items")) return { total: items, content: [] };
      return path.includes("/releases") ? releases : names.map((name) => namespace("DEV", name));
    });
    const lines = bodies.map(
      (body, index) => `{"index":${index},"status":200,"headers":{},"body":${JSON.stringify(body)}}\n`,
    );
    return Promise.resolve(new Response(lines.join("")));
  });
  const node = await settled(() => FirstSteps({ app: "shop", env: "DEV", cluster: "default" }));
  return { node, paths: fetched.mock.calls.map(([address]) => address as string).join("\n") };
}

it("the first steps are shown for an app without keys, and read no values", async () => {
  const { node, paths } = await firstSteps(0, []);
  expect(get(node, "section" as never)).toMatchObject({ "aria-labelledby": "steps" });
  expect(paths).toContain("fillItemDetail=false");
  expect(paths).not.toContain("fillItemDetail=true");
  expect(paths).toContain("items?page=0%26size=1");
});

it.each([
  ["a stored key", 1, [], ["application"]],
  ["a release, whose keys were deleted since", 0, [{ id: 1 }], ["application"]],
  ["an associated namespace", 0, [], ["application", "PLATFORM.redis"]],
])("the first steps are not shown for an app with %s", async (_, items, releases, names) => {
  expect((await firstSteps(items, releases, names)).node).toBeNull();
});

it("the live view reads the values of its own cluster only", async () => {
  const answer = (path: string) => {
    if (path.endsWith("envclusters")) return [{ env: "DEV", clusters: ["default", "fra1"] }];
    if (path.includes("/active?")) return [{ id: 2, name: "of fra1" }];
    return path.endsWith("/latest") ? { id: 1, name: "of default" } : null;
  };
  fetched.mockImplementation((address) => {
    const url = new URL(address as string, "https://portal.example.org");
    const paths = url.searchParams.get("paths")?.split("\n");
    if (!paths) return Promise.resolve(Response.json(answer(url.pathname + url.search)));
    const lines = paths.map(
      (path, index) => `{"index":${index},"status":200,"headers":{},"body":${JSON.stringify(answer(path))}}\n`,
    );
    return Promise.resolve(new Response(lines.join("")));
  });
  const at = { app: "shop", env: "DEV", cluster: "default", ns: "application" };
  const { others } = await settled(() => useServed(at));
  expect(others.map(({ at, release }) => [at.cluster, release?.name])).toEqual([["fra1", "of fra1"]]);
  const paths = decodeURIComponent(fetched.mock.calls.map(([address]) => address as string).join("\n"));
  expect(paths).not.toContain("clusters/fra1/namespaces/application/releases/latest");
});
