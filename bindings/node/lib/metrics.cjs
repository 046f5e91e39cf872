"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.metricsOf = metricsOf;
exports.settingsOf = settingsOf;
// Converts records of the native half, such as metrics and settings, to objects. A new counter
// needs no change here.
const error_cjs_1 = require("./error.cjs");
/** Converts the JSON of native metrics. */
function metricsOf(json) {
    const { namespaces, http, threads, errors, ...totals } = JSON.parse(json);
    return {
        ...named(totals),
        namespaces: namespaces.map(namespaceOf),
        errors: errors.map(errorOf),
        http: http.map(({ time_us, ...counters }) => ({ ...named(counters), timeMs: millis(time_us) })),
        threads: threads && named(threads),
    };
}
function namespaceOf({ first_load_us, updated_at_us, contacted_at_us, last_error, ...counters }) {
    return {
        ...named(counters),
        firstLoadMs: millis(first_load_us),
        updatedAt: new Date(millis(updated_at_us)),
        contactedAt: contacted_at_us === null ? null : new Date(millis(contacted_at_us)),
        lastError: last_error && errorOf(last_error),
    };
}
/** Converts the JSON of native settings. */
function settingsOf(json) {
    return JSON.parse(json).map(named);
}
function errorOf({ kind, message, operation, context }) {
    return error_cjs_1.CastaliaError._of({ code: kind, message, operation, context });
}
/** Converts the names of the fields to camel case. */
function named(record) {
    const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    return Object.fromEntries(Object.entries(record).map(([name, value]) => [camel(name), value]));
}
function millis(micros) {
    return micros === null ? null : micros / 1000;
}
