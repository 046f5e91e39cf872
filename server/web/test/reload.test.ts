// Rows that administrators edit as a whole: a change states the revision that it was shown, and a refused one offers
// what is stored now.
import type { ReactNode } from "react";
import { beforeEach, expect, it, vi } from "vitest";

import { deleteConsumer, deleteWebhook, saveWebhook, updateConsumer } from "../src/api/admin";
import { ApiError } from "../src/api/errors";
import type { Consumer, Webhook } from "../src/api/schema";
import { deleteUser, saveUser } from "../src/api/users";
import { AdminConsumers } from "../src/pages/AdminConsumers";
import { AdminUsers } from "../src/pages/AdminUsers";
import { AdminWebhooks } from "../src/pages/AdminWebhooks";
import { DataTable } from "../src/components/DataTable";
import { DialogEnd } from "../src/components/DialogEnd";
import { Failure, Loaded } from "../src/components/States";
import { get, shown } from "./shallow";

const { stored } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  return { stored: new Map<unknown, unknown>() };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@mantine/hooks", () => ({ useDebouncedValue: (value: unknown) => [value] }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: () => ({ isPending: false, error: null }),
  useQuery: ({ queryKey: [kind] }: { queryKey: unknown[] }) => ({ data: stored.get(kind) }),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useSearch: () => ({}), useNavigate: () => vi.fn() }),
}));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: [] }),
}));
// They set the theme of a document.
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/state/signIn", () => ({ ownSignInWays: () => ({ isExternal: false }) }));

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  fetched.mockReset();
  fetched.mockImplementation(() => Promise.resolve(new Response("")));
});

it("changes and deletions of consumers, webhooks and users state the revision that was shown", async () => {
  const consumer: Consumer = { appId: "ci", revision: "c1" };
  const webhook: Webhook = { id: 3, revision: "w1" };
  const user = { userId: "ben", revision: "u1" };
  await updateConsumer(consumer, { name: "CI" });
  await deleteConsumer(consumer);
  await saveWebhook(webhook, { url: "http://a.example/" });
  await saveWebhook(null, { url: "http://a.example/" });
  await deleteWebhook(webhook);
  await saveUser(user, { username: "ben" });
  await saveUser(null, { username: "new" });
  await deleteUser(user);
  const sent = fetched.mock.calls.map(([address, init]) => [
    init?.method,
    (address as string).replace("/openapi/v1/", ""),
    new Headers(init?.headers).get("Castalia-Revision"),
  ]);
  expect(sent).toEqual([
    ["PUT", "consumers/by-appId?appId=ci", "c1"],
    ["DELETE", "consumers/by-appId?appId=ci", "c1"],
    ["PUT", "webhooks/3", "w1"],
    ["POST", "webhooks", null],
    ["DELETE", "webhooks/3", "w1"],
    ["POST", "users?isCreate=false", "u1"],
    ["POST", "users?isCreate=true", null],
    ["DELETE", "users/ben", "u1"],
  ]);
});

it("a form whose change is refused as outdated offers what is stored", () => {
  const onReload = vi.fn();
  const failure = (error: Error) =>
    get(DialogEnd({ action: "Save", write: { isPending: false, error }, onReload, onClose: vi.fn() }), Failure);
  expect(failure(new ApiError(409, "", "stale_revision")).onRetry).toBe(onReload);
  expect(failure(new ApiError(400, "", "bad_request")).onRetry).toBeUndefined();
});

interface Dialog {
  onReload?: () => void;
}

/** The properties of the first element that can be loaded again. */
function reloadable(node: unknown): Dialog | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const { props = {} } = node as { props?: Dialog };
  if (props.onReload) return props;
  return (Array.isArray(node) ? node : Object.values(props)).map(reloadable).find(Boolean);
}

interface List {
  children: (rows: unknown[]) => ReactNode;
}

interface Table {
  actions: (row: unknown) => { label: string; onClick: () => void }[];
}

it.each([
  ["consumers", AdminConsumers, { consumerId: 1, revision: "r1" }, { consumerId: 1, revision: "r2" }],
  ["webhooks", AdminWebhooks, { id: 1, revision: "r1" }, { id: 1, revision: "r2" }],
  ["users", AdminUsers, { userId: "ben", revision: "r1" }, { userId: "ben", revision: "r2" }],
])("the dialog of one of the %s shows the stored row after a reload", (kind, component, seen, newer) => {
  const page = shown<null, ReactNode>(component);
  const dialog = () => reloadable(page(null));
  stored.set(kind, [seen]);
  const list = get<List>(page(null), Loaded as never).children([seen]);
  const actions = get<Table>(list, DataTable as never).actions(seen);
  actions.find(({ label }) => label.endsWith(".edit"))?.onClick();
  stored.set(kind, [newer]);
  const before = dialog();
  expect(Object.values(before ?? {})).toContain(seen);
  before?.onReload?.();
  expect(Object.values(dialog() ?? {})).toContain(newer);
});
