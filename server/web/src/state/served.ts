// The content of a release as rows; those of a gray release are compared with the live one. Pure.
import type { OpenReleaseDTO } from "../api/bodies";

export interface ServedRow {
  key: string;
  /** Null for a key that a gray release lacks. */
  value: string | null;
  /** In the live release; null for a key that it lacks. */
  live: string | null;
  /** Whether the gray release differs from the live one. */
  isGray: boolean;
}

/** What differs comes first. */
export function servedRows(
  shown: Pick<OpenReleaseDTO, "configurations">,
  live: Pick<OpenReleaseDTO, "configurations"> | null,
): ServedRow[] {
  const [values, others] = [new Map(entries(shown)), new Map(entries(live))];
  const rows = [...new Set([...values.keys(), ...others.keys()])].map((key): ServedRow => {
    const [value = null, other = null] = [values.get(key), others.get(key)];
    return { key, value, live: other, isGray: value !== other };
  });
  return [...rows.filter(({ isGray }) => isGray), ...rows.filter(({ isGray }) => !isGray)];
}

function entries(release: Pick<OpenReleaseDTO, "configurations"> | null) {
  return Object.entries(release?.configurations ?? {});
}
