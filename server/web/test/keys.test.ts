// What the cache keeps under one key is read by one function.
import { afterAll, expect, it, vi } from "vitest";

import { branch, grayAudiences } from "../src/api/gray";
import { commits, instanceCount, releaseHistory, servedRelease } from "../src/api/history";
import { served } from "../src/api/live";
import { namespaceSchema, schemaViolations } from "../src/api/namespaceSchema";
import { parentNamespace } from "../src/api/namespaces";
import { activeReleases, draft, itemCount, liveRelease, lock } from "../src/api/queries";
import { instances } from "../src/api/rollout";
import { afterWithdrawal } from "../src/api/withdrawal";

vi.hoisted(() => vi.stubGlobal("document", { baseURI: "https://portal.example.org/" }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
afterAll(() => vi.unstubAllGlobals());

const AT = { app: "shop", env: "PRO", cluster: "default", ns: "application" };

it("no two reads of a namespace have the same key", () => {
  const reads = [
    ...[activeReleases, afterWithdrawal, branch, draft, grayAudiences, instanceCount, instances, itemCount],
    ...[liveRelease, lock, namespaceSchema, parentNamespace, schemaViolations, served, servedRelease],
    ...[(at: typeof AT) => commits(at, 20), (at: typeof AT) => releaseHistory(at, 20)],
  ];
  const keys = reads.map((read) => JSON.stringify(read(AT).queryKey));
  expect(new Set(keys).size, keys.join("\n")).toBe(reads.length);
});
