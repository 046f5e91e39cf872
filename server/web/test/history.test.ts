// The entries of a history, and which of them, and of the values of a key, are marked as live.
import { expect, it } from "vitest";

import {
  deletedItems,
  editEntry,
  keyValues,
  liveEntries,
  liveValue,
  releaseEntry,
  storedValue,
  timeline,
} from "../src/state/history";

const release = (id: number, operation: number, namespaceName = "application", value = "") =>
  releaseEntry({
    id,
    releaseId: 10 + id,
    operation,
    namespaceName,
    configuration: [{ firstEntity: "key", secondEntity: value }],
  });
const edit = (namespaceName: string) => editEntry({ namespaceName, dataChangeCreatedTime: "2026-11-20T09:42:10Z" });

it("the newest publish of the live release, or rollback to it, is marked in each namespace, and an edit never", () => {
  const again = { ...release(4, 1), releaseId: 11 };
  const entries = [edit("application"), release(5, 2), again, edit("draft"), release(2, 4, "rules"), release(1, 0)];
  const live = new Map([
    ["application", 11],
    ["rules", 12],
  ]);
  expect([...liveEntries(entries, live)]).toEqual([
    ["application", again],
    ["rules", release(2, 4, "rules")],
  ]);
});

it("a rollback of a release that was not live changes no mark", () => {
  const [first, second, third] = [release(1, 0), release(2, 0), release(3, 0)];
  const rollback = { ...release(4, 1), releaseId: second.releaseId, previousId: first.releaseId };
  const live = new Map([["application", third.releaseId]]);
  expect(liveEntries([rollback, third, second, first], live).get("application")).toBe(third);
  // What became live is not among the entries that were read.
  expect(liveEntries([rollback], live).size).toBe(0);
});

it("nothing is live after a withdrawal, which has the title of no release", () => {
  const withdrawal = releaseEntry({ id: 2, releaseId: 0, previousReleaseId: 11, operation: 1, releaseTitle: "none" });
  expect([withdrawal.did, withdrawal.title]).toEqual(["withdraw", ""]);
  expect(liveEntries([withdrawal, release(1, 0, "")], new Map()).size).toBe(0);
});

it("of the values of a key the one of the live release is marked", () => {
  const publish = (id: number, value: string) => release(id, 0, "application", value);
  const rollback = release(5, 1, "application", "one");
  const entries = [rollback, publish(4, "two"), publish(3, "two"), publish(2, "one")];
  const values = keyValues(entries, "key");
  expect(values.map(({ entry }) => entry.id)).toEqual(["r5", "r3", "r2"]);
  const liveOf = (id: number) => liveValue(values, entries, new Map([["application", 10 + id]]))?.entry.id;
  expect([4, 3, 2, 9].map(liveOf)).toEqual(["r3", "r3", "r2", undefined]);
});

it.each(["with", "without"])("edits of one second are entries of their own, %s ids of the server", (ids) => {
  const rows = ["300", "200", "100"].map((value, at) => ({
    ...(ids === "with" && { id: 3 - at }),
    namespaceName: "application",
    // MySQL stores no fractions of a second.
    dataChangeCreatedTime: "2026-11-20T09:42:10.000+0000",
    changeSets: JSON.stringify({ updateItems: [{ newItem: { key: "key", value } }] }),
  }));
  // The last row of a page is read again on the next one if an edit was made in between.
  const entries = timeline([{ id: 1, releaseTime: "2026-11-20T09:42:09Z" }], [...rows, ...rows.slice(1)]);
  expect(entries.map(({ changes }) => changes[0]?.after)).toEqual(["300", "200", "100", undefined]);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(4);
  expect(storedValue(keyValues(entries, "key"))).toBe("300");
  expect(Math.max(...entries.map(({ id }) => id.length)), "an id is a part of the address").toBeLessThan(80);
});

// X124: databases may store both.
it("a deleted key is offered although one in another case is stored", () => {
  const deletion = (...keys: string[]) => ({
    changeSets: JSON.stringify({ deleteItems: keys.map((key) => ({ key, value: "1" })) }),
  });
  const deleted = deletedItems([deletion("a", "b"), deletion("B", "b", "kept")], ["A", "kept"]);
  expect(deleted.map(({ key }) => key)).toEqual(["a", "b", "B"]);
});
