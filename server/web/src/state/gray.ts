// A gray release: what its values change, which instances its rule matches, and how far it is. Pure.
import type { OpenItemDTO, OpenNamespaceDTO } from "../api/bodies";
import type { GrayState } from "../api/gray";
import type { OpenGrayReleaseRuleDTO, OpenGrayReleaseRuleItemDTO, OpenInstanceDTO } from "../api/schema";
import type { KeyChange } from "../components/DiffView";
import { digest } from "../text/digest";
import { countChanges, draftRows } from "./draft";

export const STEPS = ["change", "audience", "observe", "finish"] as const;
export type Step = (typeof STEPS)[number];

/** Matches every client of the app. */
export const ALL_CLIENTS = "*";

/** By key; a key may have the name of a member of every object. */
export type Values = ReadonlyMap<string, string>;

/** One line of a gray rule; a client that any line matches receives the gray release. */
export interface RuleLine {
  app: string;
  ips: string[];
  labels: string[];
}

/** The items that the branch stores; the server also lists keys of the main line as deleted. */
export function grayItems(items: OpenItemDTO[]): OpenItemDTO[] {
  return items.filter((item) => item.key !== "" && !item.extendInfo?.isDeleted);
}

/** What the clients of the rule read after the gray values are published. */
export function grayValues(master: Values, items: OpenItemDTO[]): Values {
  return new Map([...master, ...items.map(({ key, value = "" }) => [key, value] as const)]);
}

/** Differences of two releases, by key. */
export function changesBetween(before: Values, after: Values): KeyChange[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key): KeyChange[] => {
    const [from, to] = [before.get(key), after.get(key)];
    if (from === to) return [];
    if (from === undefined) return [{ key, state: "added", before: null, after: to ?? "" }];
    if (to === undefined) return [{ key, state: "deleted", before: from, after: null }];
    return [{ key, state: "modified", before: from, after: to }];
  });
}

export function ruleLines(items: OpenGrayReleaseRuleItemDTO[] | undefined): RuleLine[] {
  return (items ?? []).map(({ clientAppId = "", clientIpList = [], clientLabelList = [] }) => ({
    app: clientAppId,
    ips: clientIpList,
    labels: clientLabelList,
  }));
}

/** Lines that match nobody are left out. */
export function ruleItems(lines: RuleLine[]): OpenGrayReleaseRuleItemDTO[] {
  return lines
    .filter((line) => line.ips.length + line.labels.length > 0)
    .map(({ app, ips, labels }) => ({ clientAppId: app, clientIpList: ips, clientLabelList: labels }));
}

/**
 * A share of the addresses, at least one. A larger share contains the smaller ones. The order is that of
 * digests, so that a share is spread over the networks.
 */
export function shareOf(ips: string[], percent: number): string[] {
  const order = [...new Set(ips)].map((ip) => ({ ip, at: digest(ip) })).toSorted((a, b) => a.at - b.at);
  return order.slice(0, Math.ceil((order.length * percent) / 100)).map(({ ip }) => ip);
}

/** An audience of an earlier or present gray release. */
export interface Audience {
  /** Where it was used last, by whom, and when. */
  cluster: string;
  ns: string;
  by: string;
  at: string | undefined;
  lines: RuleLine[];
}

/** Those that a namespace can use: only clients of its own app read one that is not public. */
export function audiences(rows: OpenGrayReleaseRuleDTO[], app: string, isPublic: boolean): Audience[] {
  return rows.flatMap((row): Audience[] => {
    const lines = ruleLines(ruleItems(ruleLines(row.ruleItems)));
    if (!isPublic && lines.some((line) => line.app !== app)) return [];
    const by = row.dataChangeCreatedByDisplayName ?? row.dataChangeCreatedBy ?? "";
    const { clusterName: cluster = "", namespaceName: ns = "", dataChangeCreatedTime: at } = row;
    return [{ cluster, ns, by, at, lines }];
  });
}

/** Whether each word is part of an address, a label, an app, or of where the audience was used, and by whom. */
export function hasWords({ cluster, ns, by, lines }: Audience, text: string): boolean {
  const parts = [cluster, ns, by, ...lines.flatMap(({ app, ips, labels }) => [app, ...ips, ...labels])];
  const all = parts.join(" ").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** Whether a line names this instance; labels of instances are not known to the portal. */
export function isMatched(instance: OpenInstanceDTO, lines: RuleLine[]): boolean {
  return lines.some(
    ({ app, ips }) => app === instance.appId && (ips.includes(ALL_CLIENTS) || ips.includes(instance.ip ?? "")),
  );
}

/** Order of IP addresses for people: by number, not by text. */
export function byAddress(a: OpenInstanceDTO, b: OpenInstanceDTO): number {
  return (a.ip ?? "").localeCompare(b.ip ?? "", "en", { numeric: true });
}

/** What the steps show of a gray release. */
export interface GrayFacts {
  /** The values that the live release of the main line contains. */
  master: Values;
  items: OpenItemDTO[];
  /** How the values of the gray release differ from the main line, as stored. */
  differences: KeyChange[];
  changes: number;
  /** How they differ from what is published to the clients of the rule. */
  unpublished: KeyChange[];
  isPublished: boolean;
  lines: RuleLine[];
  rules: number;
  /** Changes of the main line that are not published, which prevent the release to all. */
  masterUnpublished: number;
  /** Instances that should have the gray release and do not. */
  late: OpenInstanceDTO[];
  /** Instances that have another release and are not named by the rule. */
  others: OpenInstanceDTO[];
}

export function grayFacts(master: OpenNamespaceDTO, branched: OpenNamespaceDTO, state: GrayState): GrayFacts {
  const rows = draftRows(master.items ?? []);
  const live = new Map(rows.flatMap((row) => (row.live === null ? [] : [[row.key, row.live] as const])));
  const items = grayItems(branched.items ?? []);
  const stored = grayValues(live, items);
  const differences = changesBetween(live, stored);
  const published = new Map(Object.entries(state.release?.configurations ?? {}));
  const lines = ruleLines(state.rules);
  const has = new Set(state.onGray.list.map((instance) => instance.id));
  const earlier = state.inBranch.list.filter((instance) => !has.has(instance.id));
  const matched = state.onMaster.list.filter((instance) => isMatched(instance, lines));
  return {
    master: live,
    items,
    differences,
    changes: differences.length,
    unpublished: state.release ? changesBetween(published, stored) : differences,
    isPublished: state.release !== null,
    lines,
    rules: ruleItems(lines).length,
    masterUnpublished: countChanges(rows).all,
    late: state.release ? [...earlier, ...matched] : [],
    others: state.onMaster.list.filter((instance) => !isMatched(instance, lines)),
  };
}

/** The step that a person most likely wants: the first one that is not done. */
export function currentStep(done: { changes: number; rules: number; isPublished: boolean }): Step {
  if (done.changes === 0) return "change";
  return done.rules === 0 && !done.isPublished ? "audience" : "observe";
}
