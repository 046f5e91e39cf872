// Tokens: how long the replacement of one is valid, and what one is shown to permit.
import { TextInput } from "@mantine/core";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "../src/api/errors";
import type { OpenUserTokenSummary } from "../src/api/schema";
import en from "../src/i18n/en.json";
import zh from "../src/i18n/zh.json";
import { ConsumerFields } from "../src/pages/ConsumerFields";
import { NewConsumer } from "../src/pages/NewConsumer";
import { NewToken } from "../src/pages/NewToken";
import { RotateConsumer } from "../src/pages/RotateConsumer";
import { DataTable } from "../src/components/DataTable";
import { DialogEnd } from "../src/components/DialogEnd";
import { Failure, Loaded } from "../src/components/States";
import { TokenTable } from "../src/components/TokenTable";
import { get, named, shown, type Shown } from "./shallow";

interface Mutation {
  mutationFn: (input: unknown) => Promise<unknown>;
}

const { fetched, language, sent, useQuery, write } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  return {
    fetched: vi.fn<typeof fetch>(),
    language: { texts: {} },
    sent: [] as Promise<unknown>[],
    useQuery: vi.fn(() => ({})),
    write: { isPending: false, error: null as Error | null },
  };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({
  useTranslation: () => ({
    t: (key: string, { names = "" } = {}) => {
      const of = (texts: unknown, part: string) => (texts as Record<string, unknown>)[part];
      return (key.split(".").reduce<unknown>(of, language.texts) as string).replace("{{names}}", names);
    },
    i18n: { language: "en" },
  }),
}));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: ({ mutationFn }: Mutation) => ({
    ...write,
    mutate: (input: unknown) => void sent.push(mutationFn(input)),
  }),
  useQuery,
}));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/queries", async (original) => ({
  ...(await original()),
  useBoot: () => ({ user: { userId: "ann" }, envs: ["DEV"] }),
}));

afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.stubGlobal("fetch", fetched);
  fetched.mockReset();
  fetched.mockImplementation(() => Promise.resolve(new Response("")));
  language.texts = en;
  sent.length = 0;
  useQuery.mockClear();
  write.error = null;
});

const PAST = "2001-01-01T00:00:00.000+0800";
const FUTURE = "2099-01-01T00:00:00.000+0800";

interface Day {
  type: string;
  required: boolean;
  value: string;
  description: string;
  error: unknown;
  onChange: (event: object) => void;
}

/** The dialog that replaces a token with this end. */
function rotation(end: string | undefined) {
  const consumer = { appId: "ci", ...(end !== undefined && { expires: end }) };
  const dialog = shown(RotateConsumer);
  const show = () => dialog({ consumer, stale: [], onClose: vi.fn() });
  const day = () => {
    const { type, props } = named(show(), "LastDay");
    return get<Day>(shown(type)(props), TextInput as never);
  };
  const choose = (value: string) => day().onChange({ currentTarget: { value } });
  const submit = () => {
    const { required, value } = day();
    const form = { checkValidity: () => !required || value !== "", querySelector: () => null };
    const { onSubmit } = get<{ onSubmit: (event: object) => void }>(show(), "form" as never);
    onSubmit({ preventDefault: vi.fn(), currentTarget: form });
  };
  return { show, day, choose, submit };
}

const requests = () => fetched.mock.calls.map(([address, init]) => [init?.method, address]);
const ROTATE = "/openapi/v1/consumer-tokens/by-appId/rotate?appId=ci&overlap=0";

it("the replacement of an expired token of a third-party app needs a last day", async () => {
  const { day, choose, submit } = rotation(PAST);
  expect(day()).toMatchObject({ type: "date", required: true, error: false });
  expect(day().description).toBe(en.consumer.lastDayNeeded);
  submit();
  expect(day().error).toBe("Choose a day.");
  expect(sent).toEqual([]);
  choose("2040-01-15");
  expect(day().error).toBe(false);
  submit();
  await Promise.all(sent);
  expect(requests()).toEqual([["POST", `${ROTATE}&expires=20400115235959`]]);
  expect(useQuery, "a read would send the token").not.toHaveBeenCalled();
});

it("the replacement of another token expires like it unless a day is chosen", async () => {
  const { day, choose, submit } = rotation(FUTURE);
  expect(day()).toMatchObject({ required: false, description: en.consumer.lastDayKept });
  submit();
  choose("2040-01-15");
  submit();
  await Promise.all(sent);
  expect(requests().map(([, address]) => address)).toEqual([ROTATE, `${ROTATE}&expires=20400115235959`]);
});

it("a token whose end is not known is replaced, and the dialog shows why the server refuses", () => {
  const { show, day, submit } = rotation(undefined);
  expect(day()).toMatchObject({ required: false, description: en.consumer.lastDayHelp });
  submit();
  expect(sent).toHaveLength(1);
  write.error = new ApiError(400, "The token expired at 2001-01-01 00:00:00");
  expect(get(DialogEnd(get(show(), DialogEnd)), Failure).error).toBe(write.error);
});

it("the token of a new third-party app expires at the end of a day, if one is chosen", async () => {
  const dialog = shown(NewConsumer);
  const show = () => dialog({ stale: [], onMade: vi.fn(), onClose: vi.fn() });
  const form = () => get<{ children: { props: Day }[]; onSubmit: (event: object) => void }>(show(), "form" as never);
  const day = () => form().children.find(({ props }) => props.type === "date")?.props;
  const submit = (isWhole: boolean) => {
    const currentTarget = { querySelector: () => ({ checkValidity: () => isWhole }) };
    form().onSubmit({ preventDefault: vi.fn(), currentTarget });
  };
  get<Day>(show(), TextInput as never).onChange({ currentTarget: { value: "ci" } });
  get(show(), ConsumerFields).onChange({ name: "CI" });
  submit(false);
  expect(day()?.error).toBe("Choose a day.");
  expect(sent).toEqual([]);
  submit(true);
  day()?.onChange({ currentTarget: { value: "2040-01-15" } });
  submit(true);
  await Promise.all(sent);
  const address = "/openapi/v1/consumers";
  expect(requests()).toEqual([
    ["POST", address],
    ["POST", `${address}?expires=20400115235959`],
  ]);
});

// X143
it("a new token is valid for the days that are typed, and is not created if these are too many", async () => {
  const { children } = get(shown(NewToken)({ onMade: vi.fn(), onClose: vi.fn() }), Loaded<object>);
  const { type, props } = children({ defaultExpireDays: 400, maxExpireDays: 365 }) as unknown as Shown;
  const form = shown(type);
  type Form = { children: ({ props: Day } | false)[]; onSubmit: (event: object) => void };
  const shownForm = () => get<Form>(form(props), "form" as never);
  const days = () => {
    const field = shownForm().children.find((child) => child && child.props.type === "number");
    return field ? field.props : undefined;
  };
  const submit = () => shownForm().onSubmit({ preventDefault: vi.fn(), currentTarget: { querySelector: () => null } });
  const enter = (value: string) => days()?.onChange({ currentTarget: { value } });
  get<Day>(form(props), TextInput as never).onChange({ currentTarget: { value: "ci" } });
  expect([days()?.value, days()?.error], "the default may be more than what is permitted").toEqual(["365", false]);
  const outside = en.token.daysOutside;
  for (const [value, error] of [
    ["", outside],
    ["366", outside],
    ["0", outside],
    ["1.5", outside],
    ["30", false],
  ] as const) {
    enter(value);
    expect([days()?.value, days()?.error]).toEqual([value, error]);
    submit();
  }
  expect(sent).toHaveLength(1);
  await Promise.all(sent);
  const { expires } = JSON.parse(fetched.mock.calls[0]?.[1]?.body as string) as { expires: string };
  expect(Math.round((Date.parse(expires) - Date.now()) / 86_400_000)).toBe(30);
});

/** The texts of an element. */
function textsOf(node: unknown): string[] {
  if (typeof node === "string") return [node];
  if (Array.isArray(node)) return node.flatMap(textsOf);
  if (typeof node !== "object" || node === null) return [];
  return textsOf((node as { props?: { children?: unknown } }).props?.children);
}

/** What a token is shown to permit, in the column of this name. */
function scopeOf(token: OpenUserTokenSummary, column: string): string[] {
  const { columns } = get(shown(TokenTable)({ tokens: [token] }), DataTable<OpenUserTokenSummary>);
  const { type, props } = columns.find(({ name }) => name === column)?.cell(token) as unknown as Shown;
  return textsOf(type(props));
}

it.each([
  ["English", en, ["everything", "All apps", "; ", "All environments"], ["nothing", "Its scope cannot be read."]],
  ["Chinese", zh, ["全部", "所有应用", "; ", zh.access.allEnvs], ["无", "无法读取其范围。"]],
])("a token whose scope cannot be read is shown to permit nothing, in %s", (_, texts, everything, nothing) => {
  language.texts = texts;
  const scope = (denyAll: boolean) =>
    scopeOf({ id: 1, operations: [], appIds: [], envs: [], namespaces: [], denyAll }, texts.token.scope);
  expect(scope(false)).toEqual(everything);
  expect(scope(true)).toEqual(nothing);
});

it("a token that is limited to namespaces is not shown to permit all", () => {
  const namespaces = [
    { appId: "shop", namespaceName: "application" },
    { env: "DEV", clusterName: "c1" },
  ];
  expect(scopeOf({ operations: [], appIds: [], envs: [], namespaces }, en.token.scope).at(-1)).toBe(
    "Only the namespaces shop/*/*/application, */DEV/c1/*",
  );
});
