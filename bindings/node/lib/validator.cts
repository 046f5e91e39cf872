// Lets the application accept or reject a release that is about to be applied.
import { Snapshot, mapOf, type Manner } from './snapshot.cjs';

/**
 * Returns why a release must not be applied: `undefined`, `null` or an empty string accepts it. An exception
 * rejects it.
 */
export type Validator = (
  snapshot: Snapshot,
) => string | null | undefined | void | Promise<string | null | undefined | void>;

/**
 * Calls the validator and returns its answer for the native half: a string or an exception rejects
 * the release.
 */
export async function verdictOf(validator: Validator, release: any, manner: Manner): Promise<void> {
  release.answer(await reasonOf(validator, release, manner));
}

async function reasonOf(validator: Validator, release: any, manner: Manner): Promise<string | null> {
  try {
    const { view } = release;
    // The validator sees the release alone, without the environment fallback, and nothing that it reads is counted.
    const snapshot = Snapshot._of(view, await mapOf(view), { ...manner, hasFallback: false, isCounted: false });
    const reason = await validator(snapshot);
    // Other falsy values, which only a program without types returns, are no reason either.
    return reason ? String(reason) : null;
  } catch (error: any) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error?.message ?? error);
    // An empty one would accept the release.
    return reason || 'the validator failed';
  }
}
