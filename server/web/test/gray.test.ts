import { describe, expect, it } from "vitest";

import { changesBetween, currentStep, grayFacts, isMatched, ruleItems, shareOf } from "../src/state/gray";
import { listOf } from "../src/text/list";

const none = { total: 0, list: [] };
const empty = {
  rules: [],
  rulesRevision: "r",
  release: null,
  onGray: none,
  inBranch: none,
  onMaster: none,
  history: [],
};
const at = { appId: "shop", clusterName: "default", namespaceName: "application" };
const instance = (id: number, ip: string) => ({ id, ip, appId: "shop" });

describe("differences of a gray release", () => {
  const master = {
    ...at,
    items: [
      { key: "a", value: "1" },
      { key: "b", value: "2", extendInfo: { isNewlyAdded: true } },
    ],
  };
  const branched = {
    ...at,
    items: [
      { key: "a", value: "9" },
      { key: "kept", value: "", extendInfo: { isDeleted: true } },
    ],
  };

  it("compares with the live values, not with the draft of master", () => {
    const facts = grayFacts(master, branched, empty);
    expect(facts.differences.map(({ key, before, after }) => [key, before, after])).toEqual([["a", "1", "9"]]);
    expect(facts.masterUnpublished).toBe(1);
  });

  it("has nothing to publish once the gray release contains the stored values", () => {
    const release = { ...at, id: 3, name: "gray", configurations: { a: "9" } };
    expect(grayFacts(master, branched, { ...empty, release }).unpublished).toEqual([]);
  });

  // X143
  it("has keys with the names of members of every object", () => {
    for (const key of ["constructor", "__proto__"]) {
      const gray = { ...at, items: [{ key, value: "1" }] };
      const release = JSON.parse(`{ "appId": "shop", "configurations": { "${key}": "0" } }`) as never;
      const facts = grayFacts({ ...at, items: [] }, gray, { ...empty, release });
      expect(facts.master.get(key)).toBeUndefined();
      expect(facts.differences).toEqual([{ key, state: "added", before: null, after: "1" }]);
      expect(facts.unpublished).toEqual([{ key, state: "modified", before: "0", after: "1" }]);
    }
  });

  it("reports a removed gray value until it is published", () => {
    const release = { ...at, id: 3, name: "gray", configurations: { a: "9", extra: "x" } };
    const [change] = grayFacts(master, branched, { ...empty, release }).unpublished;
    expect(change).toMatchObject({ key: "extra", state: "deleted", before: "x" });
  });

  it("finds stragglers: named by the rule but on master, or on an earlier gray release", () => {
    const facts = grayFacts(master, branched, {
      ...empty,
      release: { ...at, id: 3, name: "gray", configurations: {} },
      rules: [{ clientAppId: "shop", clientIpList: ["10.0.0.2"], clientLabelList: [] }],
      onGray: { total: 1, list: [instance(1, "10.0.0.1")] },
      inBranch: { total: 2, list: [instance(1, "10.0.0.1"), instance(4, "10.0.0.4")] },
      onMaster: { total: 2, list: [instance(2, "10.0.0.2"), instance(3, "10.0.0.3")] },
    });
    expect(facts.late.map(({ id }) => id)).toEqual([4, 2]);
    expect(facts.others.map(({ id }) => id)).toEqual([3]);
  });
});

describe("audience", () => {
  it("matches by address within the app, and everything with a star", () => {
    const line = { app: "shop", ips: ["10.0.0.1"], labels: [] };
    expect(isMatched(instance(1, "10.0.0.1"), [line])).toBe(true);
    expect(isMatched(instance(1, "10.0.0.1"), [{ ...line, app: "other" }])).toBe(false);
    expect(isMatched(instance(2, "10.0.0.9"), [{ ...line, ips: ["*"] }])).toBe(true);
  });

  it("leaves out lines that match nobody", () => {
    expect(ruleItems([{ app: "shop", ips: [], labels: [] }])).toEqual([]);
  });

  it("splits pasted lists at any separator, once each", () => {
    expect(listOf(" 10.0.0.1, 10.0.0.2\n10.0.0.1；b ")).toEqual(["10.0.0.1", "10.0.0.2", "b"]);
  });
});

it("opens the first step that is not done", () => {
  expect(currentStep({ changes: 0, rules: 0, isPublished: false })).toBe("change");
  expect(currentStep({ changes: 1, rules: 0, isPublished: false })).toBe("audience");
  expect(currentStep({ changes: 1, rules: 1, isPublished: false })).toBe("observe");
});

it("distinguishes an empty value from an absent one", () => {
  const [none, empty] = [new Map<string, string>(), new Map([["a", ""]])];
  expect(changesBetween(empty, none)).toMatchObject([{ state: "deleted" }]);
  expect(changesBetween(none, empty)).toMatchObject([{ state: "added" }]);
});

describe("a share of the instances", () => {
  const ips = Array.from({ length: 40 }, (_, n) => `10.0.${n < 20 ? 1 : 2}.${n}`);

  it("has the size asked for, and at least one", () => {
    expect([5, 10, 25, 50].map((percent) => shareOf(ips, percent).length)).toEqual([2, 4, 10, 20]);
    expect(shareOf(["10.0.0.1", "10.0.0.1"], 5)).toEqual(["10.0.0.1"]);
    expect(shareOf([], 50)).toEqual([]);
  });

  it("contains the smaller shares, in whatever order the instances are", () => {
    const half = shareOf(ips.toReversed(), 50);
    for (const percent of [5, 10, 25]) expect(half).toEqual(expect.arrayContaining(shareOf(ips, percent)));
  });

  it("is spread over the networks", () => {
    const inFirst = shareOf(ips, 50).filter((ip) => ip.startsWith("10.0.1.")).length;
    expect(inFirst).toBeGreaterThan(4);
    expect(inFirst).toBeLessThan(16);
  });
});
