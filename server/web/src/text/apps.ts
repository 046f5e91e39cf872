// Which apps a filter or a tab of the start page selects. Pure.
import type { OpenAppDTO } from "../api/bodies";
import { containsWords } from "./paletteQuery";

/** `service-2` before `service-10`; apps of one name by their ids. */
const collator = new Intl.Collator("en", { numeric: true });

export function appsByName(apps: OpenAppDTO[]): OpenAppDTO[] {
  return apps.toSorted((a, b) => collator.compare(a.name, b.name) || collator.compare(a.appId, b.appId));
}

/** The apps of the departments in which the user has apps. */
export function teamApps(own: OpenAppDTO[], all: OpenAppDTO[]): OpenAppDTO[] {
  const departments = new Set(own.map(({ orgId }) => orgId));
  return all.filter(({ orgId }) => departments.has(orgId));
}

/** Each word occurs in the id, the name, the department or the owner. */
export function appMatches(app: OpenAppDTO, filter: string): boolean {
  const { appId, name, orgName = "", ownerName = "", ownerDisplayName = "" } = app;
  return containsWords([appId, name, orgName, ownerName, ownerDisplayName].join("\n"), filter);
}
