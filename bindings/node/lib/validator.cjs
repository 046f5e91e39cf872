// The application's say on a release that is about to be applied.
'use strict';

const { Snapshot, mapOf } = require('./snapshot.cjs');

/** Asks the validator, and answers the native half: a text, or an exception, refuses. */
async function verdictOf(validator, question) {
  question.answer(await reasonOf(validator, question));
}

async function reasonOf(validator, question) {
  try {
    const snapshot = new Snapshot(question.about, await mapOf(question));
    const reason = await validator(snapshot);
    return reason ? String(reason) : null;
  } catch (error) {
    return String(error?.message ?? error);
  }
}

module.exports = { verdictOf };
