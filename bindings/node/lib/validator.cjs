// The application's say on a release that is about to be applied.
'use strict';

const { Snapshot, mapOf } = require('./snapshot.cjs');

/** Asks the validator, and answers the native half: a text, or an exception, refuses. */
async function verdictOf(validator, question, manner) {
  question.answer(await reasonOf(validator, question, manner));
}

async function reasonOf(validator, question, manner) {
  try {
    // What is in question is the release, not what else answers for its keys.
    const snapshot = new Snapshot(question, await mapOf(question), { ...manner, looksBeyond: false });
    const reason = await validator(snapshot);
    return reason ? String(reason) : null;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

module.exports = { verdictOf };
