// A change between two releases, as it is shown. Pure.
import type { OpenReleaseDiffDTO } from "../api/bodies";
import type { KeyChange } from "../components/DiffView";

const STATES = { ADDED: "added", MODIFIED: "modified", DELETED: "deleted" } as const;

export type ReleaseChange = NonNullable<OpenReleaseDiffDTO["changes"]>[number];

export function releaseChange(change: ReleaseChange): KeyChange {
  return {
    key: change.key,
    state: STATES[change.changeType],
    before: change.changeType === "ADDED" ? null : (change.oldValue ?? ""),
    after: change.changeType === "DELETED" ? null : (change.newValue ?? ""),
  };
}
