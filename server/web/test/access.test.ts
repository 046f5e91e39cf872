// Many changes of the access matrix: they are sent in parts, and those that fail remain changed.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import type { OpenUserInfoDTO } from "../src/api/bodies";
import type { AccessGrant } from "../src/api/schema";
import { AccessMatrix } from "../src/pages/AccessMatrix";
import { Blockable } from "../src/components/Blockable";
import { ResultList } from "../src/components/ResultList";
import { cellKey, type AccessColumn, type Change } from "../src/state/access";
import { find, get, named, shown } from "./shallow";

const { fetched, invalidateQueries } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  return { fetched, invalidateQueries: vi.fn(() => Promise.resolve()) };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries }),
  useQuery: () => ({}),
  useQueries: () => [],
}));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => vi.clearAllMocks());

const USERS = Array.from({ length: 250 }, (_, at) => `user${at}`);
const SCOPE = { kind: "namespace", app: "shop", ns: "application" } as const;

/** The stored rights of these users. */
const column = (editors: string[]): AccessColumn => ({
  id: "all",
  scope: SCOPE,
  holders: { admin: [], edit: editors.map((userId): OpenUserInfoDTO => ({ userId })), publish: [] },
});

/** The properties of the elements within a node that have this one. */
function withProperty<Props>(node: unknown, name: keyof Props): Props[] {
  if (typeof node !== "object" || node === null) return [];
  const { props } = node as { props?: Props & { children?: unknown } };
  const own = props && name in props ? [props] : [];
  const children = Array.isArray(node) ? node : props ? [props.children] : [];
  return [...own, ...children.flatMap((child) => withProperty<Props>(child, name))];
}

interface Bar {
  count: number;
  isPending: boolean;
  onSave: () => void;
  onDrop: () => void;
}

/** The matrix of a namespace, with the rights that are stored. */
function matrix() {
  const page = shown(AccessMatrix);
  let stored: string[] = [];
  const rights = { mayGrant: true, mayAppoint: true };
  const show = () =>
    page({ app: "shop", columns: [column(stored)], added: USERS, onAdd: vi.fn(), filter: "", ...rights });
  const unsaved = () => withProperty<Bar>(show(), "onSave")[0];
  const outcomes = () => get(show(), ResultList<Change>);
  return {
    set: (user: string, isOn: boolean) =>
      withProperty<{ onSet: (key: string, isOn: boolean) => void }>(show(), "onSet")[0]?.onSet(
        cellKey(user, "all", "edit"),
        isOn,
      ),
    unsaved: () => unsaved()?.count ?? 0,
    save: () => unsaved()?.onSave(),
    drop: () => unsaved()?.onDrop(),
    isListed: () => find(show(), ResultList<Change>) !== undefined,
    isSaving: () => unsaved()?.isPending,
    outcomes,
    /** Waits until all writes have an outcome, and the rights are read again. */
    settled: async (editors: string[]) => {
      invalidateQueries.mockImplementationOnce(() => Promise.resolve(void (stored = editors)));
      await vi.waitFor(() => expect(invalidateQueries).toHaveBeenCalledTimes(1));
      await new Promise(setImmediate);
      invalidateQueries.mockClear();
    },
  };
}

/** The calls with grants, and their answers: a call fails after so many that succeed. */
function answerGrants(succeed: number) {
  const calls: string[][] = [];
  fetched.mockImplementation((url, init) => {
    if (!(url instanceof URL ? url.href : (url as string)).endsWith("access-grants"))
      return Promise.resolve(new Response(""));
    const grants = JSON.parse(init?.body as string) as AccessGrant[];
    calls.push(grants.map(({ userId = "" }) => userId));
    if (calls.length > succeed) return Promise.resolve(new Response("{}", { status: 503 }));
    return Promise.resolve(new Response(JSON.stringify(grants.map(() => ({ status: 200 })))));
  });
  return calls;
}

const states = ({ outcomes }: { outcomes: { state: string }[] }) => outcomes.map(({ state }) => state);

it("more changes than one call may have are saved with several calls", async () => {
  const calls = answerGrants(2);
  const page = matrix();
  for (const user of USERS) page.set(user, true);
  page.save();
  await page.settled(USERS);
  expect(calls.map(({ length }) => length)).toEqual([200, 50]);
  expect(calls.flat()).toEqual(USERS);
  expect(new Set(states(page.outcomes()))).toEqual(new Set(["done"]));
  expect(page.unsaved()).toBe(0);
});

it("what a later call does not save is reported, and remains changed", async () => {
  answerGrants(1);
  const page = matrix();
  for (const user of USERS) page.set(user, true);
  page.save();
  await page.settled(USERS.slice(0, 200));
  expect(states(page.outcomes())).toEqual(USERS.map((_, at) => (at < 200 ? "done" : "failed")));
  expect(page.unsaved()).toBe(50);
  const calls = answerGrants(1);
  (page.outcomes().onRetry as () => void)();
  await page.settled(USERS);
  expect(calls.flat()).toEqual(USERS.slice(200));
  expect(page.unsaved()).toBe(0);
});

it("what was saved is no change when somebody else revokes it later", async () => {
  answerGrants(1);
  const page = matrix();
  page.set("user1", true);
  page.save();
  await page.settled([]);
  expect(page.unsaved()).toBe(0);
});

it("what is being saved cannot be sent again, although another right is switched meanwhile", async () => {
  const calls = answerGrants(1);
  const page = matrix();
  page.set("user1", true);
  page.save();
  page.set("user2", true);
  expect(page.isSaving()).toBe(true);
  await page.settled(["user1"]);
  expect(page.isSaving()).toBe(false);
  expect([calls, page.unsaved()]).toEqual([[["user1"]], 1]);
});

// X142
it("a right that is switched while others are saved is not saved with the retry of those", async () => {
  answerGrants(0);
  const page = matrix();
  page.set("user1", true);
  page.save();
  page.set("user2", true);
  await page.settled([]);
  expect(page.unsaved()).toBe(2);
  const calls = answerGrants(2);
  page.outcomes().onRetry?.();
  await page.settled(["user1"]);
  expect(page.unsaved()).toBe(1);
  page.save();
  await page.settled(["user1", "user2"]);
  expect([calls, page.unsaved()]).toEqual([[["user1"], ["user2"]], 0]);
});

// X142
it("what was dropped, or switched back while it was saved, is not granted by a retry", async () => {
  answerGrants(0);
  const page = matrix();
  page.set("user1", true);
  page.save();
  await page.settled([]);
  page.drop();
  expect([page.isListed(), page.unsaved()]).toEqual([false, 0]);
  for (const user of ["user1", "user2"]) page.set(user, true);
  page.save();
  page.set("user1", false);
  await page.settled([]);
  const calls = answerGrants(1);
  page.outcomes().onRetry?.();
  await page.settled(["user2"]);
  expect([calls, states(page.outcomes()), page.unsaved()]).toEqual([[["user2"]], ["done"], 0]);
});

/** The boxes of a user in the column of administrators, and what they set. */
function adminBoxes(administrators: string[], mayAppoint: boolean) {
  const holders = { admin: administrators.map((userId) => ({ userId })), edit: [], publish: [] };
  const admins: AccessColumn = { id: "admin", scope: { kind: "app", app: "shop" }, holders };
  const page = shown(AccessMatrix);
  const props = { app: "shop", columns: [admins], added: [], onAdd: vi.fn(), filter: "", mayGrant: true };
  const row = named(page({ ...props, mayAppoint }), "PersonRow");
  const onSet = vi.fn();
  const cell = named(row.type({ ...row.props, onSet }), "Cell");
  const node = cell.type(cell.props);
  const box = get<{ onChange: (event: object) => void }>(node, "input" as never);
  box.onChange({ currentTarget: { checked: false } });
  return { why: get(node, Blockable).why, changes: onSet.mock.calls.length };
}

// X143
it("an administrator is changed only by who may appoint others, and not if it is the last one", () => {
  expect(adminBoxes(["ann", "bob"], true)).toEqual({ why: undefined, changes: 1 });
  expect(adminBoxes(["ann", "bob"], false)).toEqual({ why: "access.mayNotAppoint", changes: 0 });
  expect(adminBoxes(["ann"], true)).toEqual({ why: "access.lastAdmin", changes: 0 });
});
