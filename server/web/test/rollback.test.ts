// What a rollback sends and shows, and what follows one that is refused.
import { Button } from "@mantine/core";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Draft, Place } from "../src/api/queries";
import { lostBy, runSteps, setItems, steps, type Plan } from "../src/api/rollback";
import { ConfirmRollback } from "../src/pages/RollbackEnd";
import { RollbackForm } from "../src/pages/RollbackForm";
import type { KeyChange } from "../src/state/draft";
import { find, get, shown } from "./shallow";

const { drafts, mutate } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  return { drafts: [] as unknown[], mutate: vi.fn<(input: Plan) => void>() };
});

vi.mock("react", async (original) => ({ ...(await original()), useState: (await import("./shallow")).useState }));
vi.mock("react-i18next", () => ({ useTranslation: () => ({ t: (key: string) => key }) }));
vi.mock("@tanstack/react-query", async (original) => ({
  ...(await original()),
  useQueryClient: () => ({ invalidateQueries: vi.fn() }),
  useMutation: () => ({ isPending: false, error: null, mutate }),
  useQuery: ({ queryKey: [kind] }: { queryKey: unknown[] }) => ({ data: kind === "draft" ? drafts.at(-1) : undefined }),
}));
// They set the theme of a document.
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
vi.mock("../src/api/rights", () => ({ useRights: () => [{ edit: true, publish: true }] }));

const fetched = vi.fn<typeof fetch>();

beforeEach(() => void vi.stubGlobal("fetch", fetched));
afterEach(() => {
  fetched.mockReset();
  mutate.mockReset();
});

const PLACE: Place = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
/** `limit` was 3, is 5 in the live release, and somebody has stored another value since. */
const CHANGES: KeyChange[] = [{ key: "limit", state: "modified", before: "5", after: "3" }];
const NAMES = { appId: "shop", clusterName: "default", namespaceName: "application" };
const OWN = { key: "mode", value: "new", type: 0, extendInfo: { isNewlyAdded: true } };

/** A draft in which `limit` has this value, and in which `mode` is new. */
function draft(limit: string, revision = "r1"): Draft {
  const extendInfo = { isModified: true, oldValue: "5" };
  return { ...NAMES, revision, items: [{ key: "limit", value: limit, type: 1, comment: "why", extendInfo }, OWN] };
}

const plan = (how: "reset" | "discard" | null, stored = draft("7")): Plan => ({
  place: PLACE,
  live: 7,
  to: 5,
  changes: CHANGES,
  items: how && { how, draft: stored },
});
const answer = (status: number, body = "") => fetched.mockResolvedValueOnce(new Response(body, { status }));
const sent = () =>
  fetched.mock.calls.map(([address, init]) => [
    (address as string).replace("/openapi/v1/envs/PRO/", ""),
    new Headers(init?.headers).get("Castalia-Revision"),
  ]);
const ROLLBACK = "releases/7/rollback?toReleaseId=5&liveReleaseId=7";
const ITEMS = "apps/shop/clusters/default/namespaces/application";

it("a rollback states the release that was shown as live, and the items follow it", async () => {
  answer(200);
  answer(200);
  expect(await runSteps(steps(plan("discard")))).toEqual([null, null]);
  expect(sent()).toEqual([
    [ROLLBACK, "r1"],
    [`${ITEMS}/items/revocation`, "r1"],
  ]);
});

it("after a rollback that is refused, because another release is live, the items stay", async () => {
  answer(409, '{"message":"The namespace is now at revision release 8","code":"stale_revision"}');
  const stale = { status: 409, code: "stale_revision" };
  expect(await runSteps(steps(plan("discard")))).toMatchObject([stale, stale]);
  expect(sent()).toEqual([[ROLLBACK, "r1"]]);
});

it("a rollback that keeps the items does not depend on them", async () => {
  answer(200);
  expect(await runSteps(steps(plan(null)))).toEqual([null]);
  expect(sent()).toEqual([[ROLLBACK, null]]);
});

it("items are set on the draft that was shown, with their type and comment", async () => {
  answer(200);
  await setItems(plan("reset"));
  expect(sent()).toEqual([[`${ITEMS}/changes`, "r1"]]);
  const item = { key: "limit", value: "3", type: 1, comment: "why" };
  expect(JSON.parse(fetched.mock.calls[0]?.[1]?.body as string)).toMatchObject({ update: [item] });
});

it("a rollback loses the unpublished values of its keys, or all of them", () => {
  const limit = { key: "limit", state: "modified", before: "7", after: "3" };
  expect(lostBy(plan("reset"))).toMatchObject([limit]);
  const mode = { key: "mode", state: "deleted", before: "new", after: null };
  expect(lostBy(plan("discard"))).toMatchObject([limit, mode]);
  expect(lostBy(plan("reset", draft("3"))), "what is stored already").toEqual([]);
  expect(lostBy(plan(null))).toEqual([]);
});

/** The page of a rollback, each time with what is stored now. */
function page(only?: string[]) {
  const form = shown(RollbackForm);
  const target = { ...NAMES, id: 5, name: "third" };
  return (stored: Draft) => {
    drafts.push(stored);
    return form({ place: PLACE, live: 7, target, changes: CHANGES, only });
  };
}

const click = (node: unknown) => get<{ onClick: () => void }>(node, Button as never).onClick();

it("what a rollback loses is shown before, and only that is replaced", async () => {
  const show = page();
  click(show(draft("7")));
  const dialog = get(show(draft("9", "r2")), ConfirmRollback);
  expect(lostBy(dialog.plan)).toMatchObject([{ before: "7", after: "3" }]);
  answer(409, '{"code":"stale_revision"}');
  dialog.onConfirm();
  await vi.waitFor(() => expect(sent()).toEqual([[ROLLBACK, "r1"]]));
});

it("single keys are set at once, unless an unpublished value is lost", () => {
  const show = page(["limit"]);
  click(show({ ...draft("5"), items: [OWN] }));
  expect(find(show(draft("7")), ConfirmRollback)).toBeUndefined();
  expect(mutate).toHaveBeenCalledOnce();
  click(show(draft("7")));
  get(show(draft("9", "r2")), ConfirmRollback).onConfirm();
  expect(mutate.mock.lastCall?.[0].items?.draft.revision).toBe("r1");
});
