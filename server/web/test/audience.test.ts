// The audience of a gray release: what is entered is neither left without a question nor lost when somebody else stores
// another one.
import { Button } from "@mantine/core";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../src/api/errors";
import { GrayAudience } from "../src/pages/GrayAudience";
import { Summary } from "../src/pages/GrayEarlier";
import { Blockable } from "../src/components/Blockable";
import { LeaveGuard } from "../src/components/LeaveGuard";
import { Failure } from "../src/components/States";
import type { RuleLine } from "../src/state/gray";
import { find, get, named, shown } from "./shallow";

type Mutation = { mutationFn: () => Promise<unknown> };
const { fetched, write } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>(() => Promise.resolve(new Response("")));
  vi.stubGlobal("fetch", fetched);
  const write = { isPending: false, isSuccess: false, error: null as Error | null };
  return { fetched, write };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@mantine/hooks", () => ({ useDebouncedValue: (value: unknown) => [value] }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: ({ mutationFn }: Mutation) => ({
    ...write,
    mutate: () => void mutationFn(),
    reset: () => (write.error = null),
  }),
  useQuery: () => ({}),
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.clearAllMocks();
  Object.assign(write, { isPending: false, isSuccess: false, error: null });
});

const line = (ip: string): RuleLine => ({ app: "shop", ips: [ip], labels: [] });
/** Stored rules, and their revision. */
type Stored = [RuleLine, string];
const STORED: Stored = [line("10.0.0.1"), "r1"];
const NEWER: Stored = [line("10.0.0.2"), "r2"];

/** The step of the audience, and what it shows with these stored rules. */
function step() {
  const none = { total: 0, list: [] };
  const page = shown(GrayAudience);
  const show = ([stored, rulesRevision]: Stored) =>
    page({
      place: { app: "shop", env: "PRO", cluster: "default", ns: "application" },
      name: "b1",
      facts: { lines: [stored] },
      state: { rulesRevision, onMaster: none, inBranch: none },
      rights: { edit: true },
      master: {},
      go: vi.fn(),
    } as never);
  type Entered = { line: RuleLine; onChange: (part: Partial<RuleLine>) => void };
  const entered = (at: Stored) => named(show(at), "Line").props as Entered;
  return {
    show,
    enter: (ip: string) => entered(STORED).onChange({ ips: [ip] }),
    ips: (at: Stored) => entered(at).line.ips,
    save: (at: Stored) => get<{ onClick: () => void }>(show(at), Button as never).onClick(),
    choice: (at: Stored) =>
      named(show(at), "Overtaken").props as { lines: RuleLine[]; onTake: () => void; onKeep: () => void },
  };
}

/** The addresses and the base of what was sent. */
const sent = () =>
  fetched.mock.calls.map(([, init]) => {
    const { ruleItems } = JSON.parse(init?.body as string) as { ruleItems: { clientIpList: string[] }[] };
    return [ruleItems.flatMap((item) => item.clientIpList), new Headers(init?.headers).get("Castalia-Revision")];
  });

// X143
it("an audience that was entered is not left without a question, until it is saved", () => {
  const page = step();
  expect(find(page.show(STORED), LeaveGuard)).toBeUndefined();
  page.enter("10.9.9.9");
  expect(get(page.show(STORED), LeaveGuard)).toMatchObject({ areLost: true });
  write.isSuccess = true;
  // The own rules are stored, and read again before the next step is shown.
  expect(find(page.show(NEWER), LeaveGuard)).toBeUndefined();
  expect(() => page.choice(NEWER)).toThrow();
});

// X143
it("what is entered is saved over a newer audience once the user has seen that one", () => {
  const page = step();
  page.enter("10.9.9.9");
  page.save(STORED);
  write.error = new ApiError(409, "changed", "stale_revision");
  expect(get(page.show(STORED), Failure)).toBeDefined();
  expect(page.ips(NEWER)).toEqual(["10.9.9.9"]);
  expect(find(page.show(NEWER), Failure)).toBeUndefined();
  const whyBlocked = () => get(page.show(NEWER), Blockable).why || undefined;
  expect(whyBlocked()).toBe("gray.audience.overtaken");
  const choice = page.choice(NEWER);
  expect(choice.lines).toEqual([NEWER[0]]);
  choice.onKeep();
  expect([page.ips(NEWER), whyBlocked()]).toEqual([["10.9.9.9"], undefined]);
  page.save(NEWER);
  expect(sent()).toEqual([
    [["10.9.9.9"], "r1"],
    [["10.9.9.9"], "r2"],
  ]);
});

it("a newer audience is taken instead of what is entered, and one that nobody edits is followed", () => {
  const page = step();
  expect(page.ips(NEWER)).toEqual(["10.0.0.2"]);
  page.enter("10.9.9.9");
  page.choice(NEWER).onTake();
  expect(page.ips(NEWER)).toEqual(["10.0.0.2"]);
  expect(find(page.show(NEWER), LeaveGuard)).toBeUndefined();
  page.save(NEWER);
  expect(sent()).toEqual([[["10.0.0.2"], "r2"]]);
});

// X143
it("an audience that was stored although its save failed is not shown as that of somebody else", () => {
  const page = step();
  page.enter("10.0.0.2");
  write.error = new ApiError(0, "");
  expect(get(page.show(STORED), LeaveGuard)).toMatchObject({ areLost: true });
  expect(find(page.show(NEWER), LeaveGuard)).toBeUndefined();
  expect(() => page.choice(NEWER)).toThrow();
  page.save(NEWER);
  expect(sent()).toEqual([[["10.0.0.2"], "r2"]]);
});

it("all of a newer audience is shown", () => {
  const many = { app: "shop", ips: ["1", "2", "3", "4", "5"], labels: [] };
  const page = step();
  page.enter("10.9.9.9");
  const { type, props } = named(page.show([many, "r2"]), "Overtaken");
  const summary = Summary(get(type(props), Summary));
  expect(get<{ children: string }>(summary, "span" as never).children).toBe("1, 2, 3, 4, 5");
});
