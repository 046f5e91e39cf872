// A gray release is published and merged as its page shows it, which others' edits of it update.
import { QueryClient } from "@tanstack/react-query";
import { beforeEach, afterEach, expect, it, vi } from "vitest";

const fetched = vi.fn<typeof fetch>();
const PLACE = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
const BODY = { releaseTitle: "r", releaseComment: "", releasedBy: "", isEmergencyPublish: false };

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  vi.stubGlobal(
    "fetch",
    fetched.mockImplementation(() => Promise.resolve(new Response("{}"))),
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

/** Address and revision of the only call. */
function sent() {
  expect(fetched).toHaveBeenCalledTimes(1);
  const [address, init] = fetched.mock.calls[0] ?? [];
  return [(address as string).replace(/^.*\/namespaces\//, ""), new Headers(init?.headers).get("Castalia-Revision")];
}

it("a publish is based on the branch", async () => {
  const { publishGray } = await import("../src/api/gray");
  await publishGray(PLACE, "b1", BODY, "gray7");
  expect(sent()).toEqual(["application/branches/b1/releases", "gray7"]);
});

it("a merge is based on the main line and the branch", async () => {
  const { releaseToAll } = await import("../src/api/gray");
  await releaseToAll(PLACE, "b1", true, BODY, { main: "main3", branch: "gray7" });
  expect(sent()).toEqual(["application/branches/b1/merge?deleteBranch=true&branchRevision=gray7", "main3"]);
});

it("a merge in an environment without revisions states none", async () => {
  const { releaseToAll } = await import("../src/api/gray");
  await releaseToAll(PLACE, "b1", false, BODY, { main: "", branch: "" });
  expect(sent()).toEqual(["application/branches/b1/merge?deleteBranch=false", null]);
});

it("an edit of a branch, which is reported under its name, makes the gray releases of its namespace stale", async () => {
  const { branch } = await import("../src/api/gray");
  const { staleAfter } = await import("../src/api/events");
  const cache = new QueryClient();
  const places = [PLACE, { ...PLACE, env: "DEV" }, { ...PLACE, ns: "other" }];
  const keys = places.map((place) => branch(place).queryKey);
  for (const key of keys) cache.setQueryData(key, null);
  const edit = { appId: "shop", env: "PRO", clusterName: "b1", namespaceName: "application", operator: "ann" };
  for (const stale of staleAfter("edit", edit)) await cache.invalidateQueries(stale);
  expect(keys.map((key) => cache.getQueryState(key)?.isInvalidated)).toEqual([true, false, false]);
});
