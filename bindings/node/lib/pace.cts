// Splits long work into small parts, so that the event loop is never blocked for long.
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Entries that are copied from the native half in one call. */
const CHUNK = 512;
/**
 * Milliseconds of work before the event loop runs; a fifth of the 5 ms that a namespace of any size
 * may block it.
 */
const TURN = 1;

/**
 * Calls `take(from, count)` until all entries are taken, and lets the event loop run in between.
 */
export async function inParts(size: number, take: (from: number, count: number) => void): Promise<void> {
  let begun = performance.now();
  for (let from = 0; from < size; from += CHUNK) {
    take(from, CHUNK);
    if (performance.now() - begun > TURN) {
      await nextTurn();
      begun = performance.now();
    }
  }
}
