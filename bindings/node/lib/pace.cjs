// Long work in small parts, so that the event loop is never kept for long.
'use strict';

const { setImmediate: nextTurn } = require('node:timers/promises');

/** Entries that cross from the native half at once. */
const CHUNK = 512;
/** Milliseconds after which others get their turn; a fifth of what a namespace of any size may take. */
const TURN = 1;

/** Calls `take(from, count)` until all are taken; gives way in between. */
async function inParts(size, take) {
  let begun = performance.now();
  for (let from = 0; from < size; from += CHUNK) {
    take(from, CHUNK);
    if (performance.now() - begun > TURN) {
      await nextTurn();
      begun = performance.now();
    }
  }
}

module.exports = { inParts };
