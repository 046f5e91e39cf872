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

it("an edit of a branch, which is reported under its name, makes the gray release stale", async () => {
  const { branch } = await import("../src/api/gray");
  const { staleAfter } = await import("../src/api/events");
  const cache = new QueryClient();
  const [open, other] = [branch(PLACE).queryKey, branch({ ...PLACE, env: "DEV" }).queryKey];
  for (const key of [open, other]) cache.setQueryData(key, null);
  const edit = { appId: "shop", env: "PRO", clusterName: "b1", namespaceName: "application", operator: "ann" };
  for (const queryKey of staleAfter("edit", edit)) await cache.invalidateQueries({ queryKey });
  expect([open, other].map((key) => cache.getQueryState(key)?.isInvalidated)).toEqual([true, false]);
});
