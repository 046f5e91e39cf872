// The groups of the namespace panel.
import { expect, it } from "vitest";

import { inNameOrder, isIncomplete, namespaceEntries, namespaceMarks } from "../src/state/namespaces";

const list = [
  { appId: "shop", clusterName: "default", namespaceName: "application", extendInfo: { parentAppId: "shop" } },
  { appId: "shop", clusterName: "default", namespaceName: "PLATFORM.redis", extendInfo: { parentAppId: "redis" } },
];
const defined = ["application", "secret", "late.yml"].map((name) => ({ appId: "shop", name }));

it("groups own and associated namespaces, and those that the cluster lacks or hides", () => {
  const groups = namespaceEntries("shop", list, defined, ["late.yml"]).map(({ name, group }) => [name, group]);
  expect(groups).toEqual([
    ["application", "own"],
    ["late.yml", "missing"],
    ["PLATFORM.redis", "associated"],
    ["secret", "hidden"],
  ]);
});

it("shows nothing as hidden before it knows what is missing", () => {
  expect(namespaceEntries("shop", list, defined, undefined)).toHaveLength(2);
  expect(isIncomplete(list, defined)).toBe(true);
  expect(isIncomplete(list, defined.slice(0, 1))).toBe(false);
});

it("marks unpublished changes, gray releases and editors", () => {
  const marked = list.map((one, at) =>
    at === 0 ? { ...one, extendInfo: { itemModifiedCnt: 2, isGray: true, lockedBy: "ann" } } : one,
  );
  expect([...namespaceMarks(marked)]).toEqual([
    ["application", { unpublished: 2, isGray: true, lockedBy: "ann" }],
    ["PLATFORM.redis", { unpublished: 0, isGray: false, lockedBy: undefined }],
  ]);
});

it("orders by name, numbers by their value, after the namespace of every app", () => {
  const names = ["rules-10", "billing", "application", "rules-2", "Audit"].map((name) => ({ name }));
  expect(inNameOrder(names).map(({ name }) => name)).toEqual([
    "application",
    "Audit",
    "billing",
    "rules-2",
    "rules-10",
  ]);
});
