// Lets the application accept or reject a release that is about to be applied.
'use strict';

const { Snapshot, mapOf } = require('./snapshot.cjs');

/**
 * Calls the validator and returns its answer for the native half: a string or an exception rejects
 * the release.
 */
async function verdictOf(validator, question, manner) {
  question.answer(await reasonOf(validator, question, manner));
}

async function reasonOf(validator, question, manner) {
  try {
    const { view } = question;
    // The validator sees the release alone, without the environment fallback, and nothing that it reads is counted.
    const snapshot = new Snapshot(view, await mapOf(view), { ...manner, hasFallback: false, isCounted: false });
    const reason = await validator(snapshot);
    return reason ? String(reason) : null;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

module.exports = { verdictOf };
