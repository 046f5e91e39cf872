// What every step of a gray release receives.
import type { OpenNamespaceDTO } from "../api/bodies";
import type { GrayState } from "../api/gray";
import type { Place } from "../api/queries";
import type { OwnRights } from "../api/roles";
import type { GrayFacts, Step } from "../state/gray";

export interface GrayParts {
  place: Place;
  /** Name of the branch. */
  name: string;
  /** The state of its items on which edits are based. */
  revision: string;
  facts: GrayFacts;
  state: GrayState;
  rights: OwnRights;
  master: OpenNamespaceDTO;
  go: (step: Step) => void;
}
