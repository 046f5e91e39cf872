// Which apps a filter selects. Pure.
import type { OpenAppDTO } from "../api/bodies";
import { containsWords } from "./paletteQuery";

/** Each word occurs in the id, the name, the department or the owner. */
export function appMatches(app: OpenAppDTO, filter: string): boolean {
  const { appId, name, orgName = "", ownerName = "", ownerDisplayName = "" } = app;
  return containsWords([appId, name, orgName, ownerName, ownerDisplayName].join("\n"), filter);
}
