// After a part of a write has failed, that part is reviewed and written again, and not what is done.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../src/api/errors";
import type { Place } from "../src/api/queries";
import { ComparePromote } from "../src/pages/ComparePromote";
import { Publish, type Reviewed } from "../src/pages/Publish";
import { PublishForm } from "../src/pages/PublishForm";
import { PublishMore } from "../src/pages/PublishMore";
import { ResultList } from "../src/components/ResultList";
import type { Promotion } from "../src/state/compare";
import { find, get, named, shown } from "./shallow";

type Query = { queryKey: unknown[] };
type Write = (to: { env: string; revision?: string | undefined }) => Promise<void>;
const { promote, publish, refetch, revisions } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/", querySelector: () => null });
  return {
    promote: vi.fn<Write>(() => Promise.resolve()),
    publish: vi.fn<(place: Place) => Promise<object>>(() => Promise.resolve({ id: 1 })),
    refetch: vi.fn(),
    /** Of what is stored, by environment. */
    revisions: new Map<string, string>(),
  };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useEffect: vi.fn(),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({ getHotkeyHandler: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useQueries: ({ queries }: { queries: Query[] }) =>
    queries.map(({ queryKey: [kind, , env] }) => ({
      ...{ isPending: false, isError: false, isSuccess: true, isFetching: false, refetch },
      data: kind === "draft" ? { items: [], revision: revisions.get(env as string) } : { publish: true },
    })),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({
    useParams: () => ({ app: "shop" }),
    useSearch: () => ({ t: "DEV:default:application,DEV:default:constructor" }),
  }),
}));
vi.mock("../src/api/compare", () => ({ usePromote: () => promote }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" } }),
}));
vi.mock("../src/api/writes", async (original) => ({ ...(await original()), publish }));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  for (const env of ["DEV", "FAT"]) revisions.set(env, "r1");
});

/** The button with this text. */
function button(node: unknown, text: string): { onClick: () => void } | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const { type, props } = node as { type?: unknown; props?: { children?: unknown; onClick: () => void } };
  if (type === Button && props?.children === text) return props;
  const children = Array.isArray(node) ? node : Object.values(props ?? {});
  return children.map((child) => button(child, text)).find(Boolean);
}

/** Lets the writes that have begun end. */
const settled = () => new Promise(setImmediate);

// X143
it("of several namespaces that are published, only those that failed are reviewed and published again", async () => {
  const { type, props } = named(shown(Publish)({}), "Review");
  const review = shown(type);
  const form = () => get(review(props), PublishForm);
  const page = shown(PublishForm);
  const show = () => page(form());
  const shownNames = () => form().current.map(({ place }) => place.ns);
  const submit = () => get<{ onSubmit: () => void }>(show(), "form" as never).onSubmit();
  publish.mockImplementation(({ ns }) =>
    ns === "constructor" ? Promise.reject(new Error("down")) : Promise.resolve({ id: 1 }),
  );
  submit();
  await settled();
  expect(shownNames()).toEqual(["application", "constructor"]);
  const { outcomes, note } = get(show(), ResultList<Reviewed>);
  expect(outcomes.map(({ target }) => note?.(target) === false)).toEqual([false, true]);
  publish.mockReset();
  publish.mockResolvedValue({ id: 2 });
  button(show(), "publish.again")?.onClick();
  expect(shownNames()).toEqual(["constructor"]);
  const { places } = get(review(props), PublishMore);
  expect(
    places.map(({ ns }) => ns),
    "what is added is reviewed with what is left",
  ).toEqual(["constructor"]);
  submit();
  await settled();
  expect(publish.mock.calls.map(([{ ns }]) => ns)).toEqual(["constructor"]);
  expect(get(show(), ResultList<unknown>).outcomes.map(({ state }) => state)).toEqual(["done"]);
});

/** The dialog that promotes to both environments. */
function promotion() {
  const changes = ["DEV", "FAT"].map((env): Promotion => {
    const target = { env, cluster: "default", ns: "application", format: "properties" };
    return { ...target, puts: [{ key: "limit", value: "1" }], deletes: [], seen: new Map() };
  });
  const dialog = shown(ComparePromote);
  const props = { app: "shop", base: { env: "UAT", cluster: "default" }, changes, onClose: vi.fn(), onDone: vi.fn() };
  return () => dialog(props) as ReactNode;
}

// X143
it("a promotion that was refused because its target has changed is previewed again, and then sent", async () => {
  const show = promotion();
  promote.mockImplementation(({ env }) =>
    env === "FAT" ? Promise.reject(new ApiError(409, "", "stale_revision")) : Promise.resolve(),
  );
  button(show(), "promote.act")?.onClick();
  await settled();
  expect(get(show(), ResultList<unknown>).onRetry, "it would be refused again").toBeUndefined();
  revisions.set("FAT", "r2");
  promote.mockReset();
  promote.mockResolvedValue();
  button(show(), "promote.again")?.onClick();
  expect(refetch).toHaveBeenCalledTimes(2);
  expect(find(show(), ResultList<unknown>)).toBeUndefined();
  button(show(), "promote.act")?.onClick();
  await settled();
  expect(promote.mock.calls.map(([{ env, revision }]) => [env, revision])).toEqual([["FAT", "r2"]]);
});

it("a promotion that failed for another reason is repeated at once", async () => {
  const show = promotion();
  promote.mockRejectedValue(new ApiError(503, "down"));
  button(show(), "promote.act")?.onClick();
  await settled();
  expect(button(show(), "promote.again")).toBeUndefined();
  expect(get(show(), ResultList<unknown>).onRetry).toBeDefined();
});
