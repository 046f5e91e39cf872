"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.callable = callable;
exports.interestOf = interestOf;
exports.invalid = invalid;
// Checks arguments, so that a wrong one is refused at the call and not when the next event arrives.
const error_cjs_1 = require("./error.cjs");
/** Returns the function; throws `InvalidArgument` for anything else. */
function callable(given, operation, what) {
    if (typeof given !== 'function') {
        throw invalid(operation, `${what} is not a function`);
    }
    return given;
}
/** Returns keys and prefixes as arrays. */
function interestOf({ keys = [], prefixes = [] } = {}) {
    return { keys: texts(keys, 'keys'), prefixes: texts(prefixes, 'prefixes') };
}
function texts(given, name) {
    // A string is iterable too, but yields its characters.
    const listed = typeof given === 'string' || !given?.[Symbol.iterator] ? null : [...given];
    if (!listed?.every((one) => typeof one === 'string')) {
        throw invalid('listen', `${name} must be an iterable of strings, such as an array`);
    }
    return listed;
}
function invalid(operation, text) {
    const message = `InvalidArgument in ${operation}: ${text}`;
    return error_cjs_1.CastaliaError._of({ code: 'InvalidArgument', message, operation });
}
