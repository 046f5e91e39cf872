// X108: the copy of a namespace changes no namespace that exists, and its repetition no item that was edited since.
import { TextInput } from "@mantine/core";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { copyCluster, nameOfCopy } from "../src/api/duplicate";
import { DuplicateNamespace } from "../src/pages/DuplicateNamespace";
import { get, shown } from "./shallow";

type Mutation = {
  mutationFn: () => Promise<unknown>;
  onSuccess?: (output: unknown) => void;
};
const { fetched, outcomes } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  return { fetched, outcomes: [] as Promise<unknown>[] };
});

vi.mock("react", async (original) => {
  const { useState } = await import("./shallow");
  return { ...(await original()), useState, useRef: <T>(current: T) => useState({ current })[0] };
});
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: ({ mutationFn, onSuccess }: Mutation) => ({
    mutate: () => void outcomes.push(mutationFn().then(onSuccess, (error: unknown) => error)),
  }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());

const LIKE = { appId: "shop", name: "limits.yml", format: "yml", isPublic: false };
/** The definitions of the app `shop`. */
const defined: object[] = [];
/** Statuses of the next creations of a namespace; each creates it whatever the status is. */
const statuses: number[] = [];

beforeEach(() => {
  outcomes.length = statuses.length = 0;
  defined.splice(0, Infinity, LIKE);
  fetched.mockReset();
  fetched.mockImplementation((address, init) => Promise.resolve(answer(address as string, init)));
});

function answer(address: string, init: RequestInit = {}): Response {
  if (!address.endsWith("/appnamespaces")) return new Response(address.endsWith("/export") ? '[{"key":"a"}]' : "");
  if (init.method === "GET") return new Response(JSON.stringify(defined));
  const { name, format } = JSON.parse(init.body as string) as { name: string; format: string };
  const made = { ...LIKE, name: `${name}.${format}` };
  defined.push(made);
  return new Response(JSON.stringify(made), { status: statuses.shift() ?? 200 });
}

const written = () =>
  fetched.mock.calls
    .filter(([, init]) => init?.method === "POST")
    .map(([address]) => (address as string).split("/").slice(-3).join("/"));

/** The dialog, with what its user does. A submission waits until the namespace is created or refused. */
function dialog() {
  const page = shown(DuplicateNamespace);
  const places = [{ env: "DEV", clusters: ["default"] }];
  const show = () => page({ namespace: LIKE, names: ["limits.yml"], places, onClose: vi.fn() });
  const field = () => get<{ value: string; error: unknown }>(show(), TextInput as never);
  const submit = async () => {
    get<{ onSubmit: (event: object) => void }>(show(), "form" as never).onSubmit({ preventDefault: vi.fn() });
    await Promise.all(outcomes);
  };
  return { field, submit };
}

const COPY = "import?conflictAction=ignore";

it("a name that a namespace has is refused, and nothing is copied into that", async () => {
  const { field, submit } = dialog();
  expect(field().value).toBe("limits-copy");
  defined.push({ ...LIKE, name: "limits-copy.yml" });
  await submit();
  expect(field().error).toBe("check.namespaceTaken");
  await submit();
  expect(written()).toEqual([]);
});

it("a creation whose answer was lost is repeated", async () => {
  const { submit } = dialog();
  statuses.push(502);
  await submit();
  expect(written()).toEqual(["apps/shop/appnamespaces"]);
  await submit();
  await vi.waitFor(() => expect(written()).toEqual(["apps/shop/appnamespaces", `limits-copy.yml/items/${COPY}`]));
});

it("a repeated copy of a cluster leaves the namespaces that it has filled", async () => {
  fetched.mockImplementation((address) => {
    const [own, namespace] = [address as string, { namespaceName: "application", extendInfo: {} }];
    if (own.includes("envclusters")) return Promise.resolve(new Response('[{"env":"DEV","clusters":["default"]}]'));
    if (own.includes("reads?")) {
      const bodies = [[namespace], [{ name: "application", isPublic: false }], [namespace]];
      const line = (body: object, index: number) =>
        `{"headers":{},"index":${index},"status":200,"body":${JSON.stringify(body)}}\n`;
      return Promise.resolve(new Response(bodies.map(line).join("")));
    }
    return Promise.resolve(answer(own));
  });
  await copyCluster({ app: "shop", env: "DEV", cluster: "default" }, "other");
  expect(written()).toEqual([`application/items/${COPY}`]);
});

it("the suggested name is free", () => {
  expect(nameOfCopy(LIKE, ["limits.yml"])).toBe("limits-copy");
  expect(nameOfCopy(LIKE, ["limits-copy.yml", "limits-copy-2.yml", "limits-copy-3"])).toBe("limits-copy-3");
});
