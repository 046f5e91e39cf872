// What was entered stays: if a page cannot be read again, if it is left by mistake, and if a session ends.
import { keepPreviousData } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { useTyped } from "../src/components/useTyped";
import { Access } from "../src/pages/Access";
import { AccessMatrix } from "../src/pages/AccessMatrix";
import { AdminUsers } from "../src/pages/AdminUsers";
import { Publish } from "../src/pages/Publish";
import { PublishForm } from "../src/pages/PublishForm";
import { SignInAgain } from "../src/components/SignInAgain";
import { SignInForm } from "../src/components/SignInForm";
import { Failure } from "../src/components/States";
import { LeaveGuard } from "../src/components/LeaveGuard";
import { find, get, named, shown } from "./shallow";

type Query = { queryKey: unknown[] };
const { assign, failing, fetched, mutations, read, search, useBlocker, useDebouncedValue } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/", querySelector: () => null });
  const assign = vi.fn();
  vi.stubGlobal("window", { location: { assign }, addEventListener: vi.fn() });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  /** Beginnings of the keys that were read, and that cannot be read again. */
  const failing = new Set<string>();
  const data: [string, unknown][] = [
    ['["access","shop","masters"', [{ userId: "ann" }]],
    ['["access"', { edit: [], publish: [] }],
    ['["draft"', { items: [], revision: "r1" }],
    ['["lock"', {}],
    ['["root"', true],
    ['["', []],
  ];
  const read = vi.fn(({ queryKey }: Query) => {
    const key = JSON.stringify(queryKey);
    const isError = [...failing].some((start) => key.startsWith(start));
    const known = data.find(([start]) => key.startsWith(start))?.[1];
    return { data: known, isError, isPending: false, isFetching: false, error: isError ? new Error("down") : null };
  });
  return {
    ...{ assign, failing, fetched, read },
    mutations: [] as { mutationFn: () => Promise<unknown>; onSuccess: (output: unknown) => void }[],
    search: { t: "PRO:default:application" },
    useBlocker: vi.fn<(options: { shouldBlockFn: (move: object) => boolean }) => object>(() => ({ status: "idle" })),
    useDebouncedValue: vi.fn((value: unknown) => [value]),
  };
});

vi.mock("react", async (original) => ({
  ...(await original()),
  useState: (await import("./shallow")).useState,
  useEffect: vi.fn(),
  useLayoutEffect: vi.fn(),
  useRef: <T>(current: T) => ({ current }),
}));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key, i18n: { language: "en" } }) }));
vi.mock("@mantine/hooks", () => ({ useDebouncedValue, useHotkeys: vi.fn(), getHotkeyHandler: vi.fn() }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ clear: vi.fn(), invalidateQueries: vi.fn() }),
  useMutation: (options: (typeof mutations)[0]) => {
    mutations.push(options);
    return { isPending: false, error: null };
  },
  useQuery: read,
  useQueries: ({ queries }: { queries: Query[] }) => queries.map(read),
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original()),
  getRouteApi: () => ({ useParams: () => ({ app: "shop" }), useSearch: () => search, useNavigate: () => vi.fn() }),
  useBlocker,
  useRouter: () => ({ state: { location: { href: "/a/shop" } }, navigate: vi.fn() }),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["PRO"] }),
}));
vi.mock("../src/state/keys", () => ({ useShortcuts: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  failing.clear();
  mutations.length = 0;
});

/** What a page shows in this part. */
function part(page: ReactNode, name: string): ReactNode {
  const { type, props } = named(page, name);
  return shown(type)(props);
}

it("the changes of the access matrix stay if the rights cannot be read again", () => {
  const page = shown(Access);
  expect(find(page({}), Failure)).toBeUndefined();
  failing.add('["access","shop",');
  expect(find(page({}), Failure)).toBeDefined();
  expect(find(page({}), AccessMatrix)).toBeDefined();
});

it("the name of a release, and the outcome of a publish, stay if the namespace cannot be read again", () => {
  const review = () => part(shown(Publish)({}), "Review");
  expect(find(review(), Failure)).toBeUndefined();
  failing.add('["draft","shop"');
  expect(find(review(), Failure)).toBeDefined();
  expect(find(review(), PublishForm)).toBeDefined();
});

/** Whether a guard asks before these parameters become the next ones. */
function asks(props: Parameters<typeof LeaveGuard>[0], next: object, pathname = "/a/shop/access"): boolean {
  shown(LeaveGuard)(props);
  const { shouldBlockFn } = useBlocker.mock.lastCall?.[0] ?? {};
  const current = { pathname: "/a/shop/access", search: { ns: "application", who: "a" } };
  return shouldBlockFn?.({ current, next: { pathname, search: next } }) ?? false;
}

it("changed rights are not left without a question, by another page or another namespace", () => {
  const column = { id: "all", scope: { kind: "namespace", app: "shop", ns: "application" } as const };
  const holders = { admin: [], edit: [], publish: [] };
  const matrix = shown(AccessMatrix);
  const props = { columns: [{ ...column, holders }], added: ["bob"], onAdd: vi.fn(), filter: "" };
  const show = () => matrix({ app: "shop", ...props, mayGrant: true, mayAppoint: true });
  expect(find(show(), LeaveGuard)).toBeUndefined();
  const row = named(show(), "PersonRow").props as { onSet: (key: string, isOn: boolean) => void };
  row.onSet(JSON.stringify(["bob", "all", "edit"]), true);
  const guard = get(show(), LeaveGuard);
  expect(guard.areLost).toBe(true);
  expect(asks(guard, { ns: "other", who: "a" })).toBe(true);
  expect(asks(guard, {}, "/a/shop")).toBe(true);
  expect(asks(guard, { ns: "application", who: "ab" }), "the filter").toBe(false);
  expect(asks(guard, {}, "/signin")).toBe(false);
  expect(asks({}, { ns: "application", who: "ab" }), "another guard").toBe(true);
});

/** What follows a sign-in over the page, if the portal answers this then. */
async function signedIn(answer: Response) {
  const again = vi.fn();
  const { onSignedIn } = get(SignInAgain({ answer: again }), SignInForm);
  fetched.mockResolvedValueOnce(answer);
  const outcome = await Promise.resolve(onSignedIn()).catch((error: unknown) => (error as { status: number }).status);
  return { outcome, again };
}

it("after a sign-in over the page it goes on, or states why not", async () => {
  const { again, outcome } = await signedIn(Response.json({ userId: "ann" }));
  expect(outcome).toBeNull();
  expect(again).toHaveBeenCalledExactlyOnceWith("again");
  expect((await signedIn(Response.json({}, { status: 401 }))).outcome).toBe("expired");
  expect((await signedIn(Response.json({}, { status: 503 }))).outcome).toBe(503);
  const other = await signedIn(Response.json({ userId: "bob" }));
  expect(other.again).not.toHaveBeenCalled();
  expect(assign).toHaveBeenCalledExactlyOnceWith("/");
});

it("the form of a sign-in waits for what follows, and reports that it failed", async () => {
  const form = shown(SignInForm);
  const onSignedIn = vi.fn(() => Promise.reject(new Error("down")));
  form({ first: null, next: "/", onSignedIn });
  const [{ mutationFn } = { mutationFn: undefined }] = mutations;
  fetched.mockResolvedValueOnce(
    Object.defineProperty(new Response(""), "url", { value: "https://portal.example.org/" }),
  );
  await expect(mutationFn?.()).rejects.toThrow("down");
  expect(onSignedIn).toHaveBeenCalledTimes(1);
});

it("a field shows what was typed until it loses the focus, although the address follows later", () => {
  const sent: string[] = [];
  const field = shown((value: string) => useTyped(value, (text) => sent.push(text)));
  const type = (text: string) => field("").onChange({ currentTarget: { value: text } } as never);
  type("z");
  type("zh");
  expect([field("").value, sent]).toEqual(["zh", ["z", "zh"]]);
  field("z").onBlur();
  expect(field("zhong").value).toBe("zhong");
});

it("a field that has the focus shows what the address becomes otherwise, but not what arrives there late", () => {
  const field = shown((value: string) => useTyped(value, vi.fn()));
  for (const text of ["z", "zh"]) field("").onChange({ currentTarget: { value: text } } as never);
  expect(field("z").value, "late").toBe("zh");
  expect(field("zh").value).toBe("zh");
  expect(field("").value, "a step back").toBe("");
  expect(field("shared").value).toBe("shared");
});

it("users are searched once the typing pauses, and those found before are shown until then", () => {
  useDebouncedValue.mockReturnValueOnce(["earlier"]);
  shown(AdminUsers)({});
  const users = read.mock.calls.map(([query]) => query).find(({ queryKey: [name] }) => name === "users");
  expect(users).toMatchObject({ queryKey: ["users", "earlier", true], placeholderData: keepPreviousData });
});
