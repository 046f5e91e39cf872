// What a rollback sends, and what follows one that is refused.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Plan } from "../src/api/rollback";

// They set the theme of a document.
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

const PLAN: Plan = {
  place: { app: "shop", env: "PRO", cluster: "default", ns: "application" },
  live: 7,
  to: 5,
  changes: [],
  afterwards: "discard",
};
const answer = (status: number, body = "") => fetched.mockResolvedValueOnce(new Response(body, { status }));
const sent = () => fetched.mock.calls.map(([address]) => (address as string).replace("/openapi/v1/envs/PRO/", ""));
const ROLLBACK = "releases/7/rollback?toReleaseId=5&liveReleaseId=7";

it("a rollback states the release that was shown as live, and the items follow it", async () => {
  const { runSteps, steps } = await import("../src/api/rollback");
  answer(200);
  answer(200);
  expect(await runSteps(PLAN, steps(PLAN))).toEqual([null, null]);
  expect(sent()).toEqual([ROLLBACK, "apps/shop/clusters/default/namespaces/application/items/revocation"]);
});

it("after a rollback that is refused, because another release is live, the items stay", async () => {
  const { runSteps, steps } = await import("../src/api/rollback");
  answer(409, '{"message":"The namespace is now at revision release 8","code":"stale_revision"}');
  const stale = { status: 409, code: "stale_revision" };
  expect(await runSteps(PLAN, steps(PLAN))).toMatchObject([stale, stale]);
  expect(sent()).toEqual([ROLLBACK]);
});
