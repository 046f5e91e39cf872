// Which entries of a history are marked as live.
import { expect, it } from "vitest";

import { editEntry, liveEntries, releaseEntry } from "../src/state/history";

const release = (id: number, operation: number, namespaceName = "application") =>
  releaseEntry({ id, releaseId: 10 + id, operation, namespaceName });
const edit = (namespaceName: string) => editEntry({ namespaceName, dataChangeCreatedTime: "2026-11-20T09:42:10Z" });

it("the newest publish or rollback of each namespace is live, and an edit never", () => {
  const entries = [
    edit("application"),
    release(5, 2),
    release(4, 1),
    release(3, 0),
    edit("draft"),
    release(2, 4, "rules"),
  ];
  expect([...liveEntries(entries)].map(([ns, { releaseId }]) => [ns, releaseId])).toEqual([
    ["rules", 12],
    ["application", 14],
  ]);
});

it("nothing is live after a withdrawal, which has the title of no release", () => {
  const withdrawal = releaseEntry({ id: 2, releaseId: 0, previousReleaseId: 11, operation: 1, releaseTitle: "none" });
  expect([withdrawal.did, withdrawal.title]).toEqual(["withdraw", ""]);
  expect(liveEntries([withdrawal, release(1, 0, "")]).size).toBe(0);
});
