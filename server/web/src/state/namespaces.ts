// The namespaces of a cluster in groups, compared with what the app defines: some are hidden from
// the user, some are missing in this cluster. Pure.
import type { OpenAppNamespaceDTO, OpenNamespaceDTO } from "../api/bodies";

export const GROUPS = ["own", "associated", "hidden", "missing"] as const;
export type NamespaceGroup = (typeof GROUPS)[number];

export interface NamespaceEntry {
  name: string;
  group: NamespaceGroup;
  format: string;
}

/** What is going on in a namespace. */
export interface NamespaceMarks {
  /** Number of unpublished changes. */
  unpublished: number;
  isGray: boolean;
  /** Who edits it while others may not. */
  lockedBy: string | undefined;
}

/** `rules-2` before `rules-10`. */
const collator = new Intl.Collator("en", { numeric: true });
const isDefault = (name: string) => name === "application";

/** By name, after the namespace that every app has. */
export function inNameOrder<Named extends { name: string }>(list: Named[]): Named[] {
  return list.toSorted(
    (a, b) => Number(isDefault(b.name)) - Number(isDefault(a.name)) || collator.compare(a.name, b.name),
  );
}

/** By name. */
export function namespaceMarks(list: OpenNamespaceDTO[]): Map<string, NamespaceMarks> {
  return new Map(
    list.map(({ namespaceName, extendInfo = {} }) => {
      const { itemModifiedCnt = 0, isGray = false, lockedBy } = extendInfo;
      return [namespaceName, { unpublished: itemModifiedCnt, isGray, lockedBy }];
    }),
  );
}

/** Whether gray releases and locks are not known: values that are too long together are read without them. */
export function lacksSigns(list: OpenNamespaceDTO[]): boolean {
  return list.length > 1 && list.every(({ extendInfo }) => extendInfo?.isGray === undefined);
}

/** `missing` is undefined while it is unknown: then what is not in the list is not shown either. */
export function namespaceEntries(
  app: string,
  list: OpenNamespaceDTO[],
  defined: OpenAppNamespaceDTO[],
  missing: string[] | undefined,
): NamespaceEntry[] {
  const listed = new Set(list.map(({ namespaceName }) => namespaceName));
  const entries = list.map((namespace): NamespaceEntry => {
    const parent = namespace.extendInfo?.parentAppId;
    const group = parent !== undefined && parent !== app ? "associated" : "own";
    return { name: namespace.namespaceName, group, format: namespace.format ?? "properties" };
  });
  const others = missing === undefined ? [] : defined.filter(({ name }) => !listed.has(name));
  return inNameOrder([
    ...entries,
    ...others.map(({ name, format = "properties" }): NamespaceEntry => {
      return { name, group: missing?.includes(name) ? "missing" : "hidden", format };
    }),
  ]);
}

/** Whether the app defines namespaces that the list lacks, so that the reason has to be read. */
export function isIncomplete(list: OpenNamespaceDTO[], defined: OpenAppNamespaceDTO[]): boolean {
  const listed = new Set(list.map(({ namespaceName }) => namespaceName));
  return defined.some(({ name }) => !listed.has(name));
}
