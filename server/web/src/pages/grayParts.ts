// What every step of a gray release receives.
import type { GrayState } from "../api/gray";
import type { Draft, Place } from "../api/queries";
import type { OwnRights } from "../api/roles";
import type { GrayFacts, Step } from "../state/gray";

export interface GrayParts {
  place: Place;
  /** Name of the branch. */
  name: string;
  /** The state of its items that is shown, on which edits and releases are based. */
  revision: string;
  facts: GrayFacts;
  state: GrayState;
  rights: OwnRights;
  master: Draft;
  go: (step: Step) => void;
}
