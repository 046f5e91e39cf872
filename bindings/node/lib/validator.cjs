"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.verdictOf = verdictOf;
// Lets the application accept or reject a release that is about to be applied.
const snapshot_cjs_1 = require("./snapshot.cjs");
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
        const snapshot = snapshot_cjs_1.Snapshot._of(view, await (0, snapshot_cjs_1.mapOf)(view), { ...manner, hasFallback: false, isCounted: false });
        const reason = await validator(snapshot);
        return reason ? String(reason) : null;
    }
    catch (error) {
        return String(error?.message ?? error);
    }
}
