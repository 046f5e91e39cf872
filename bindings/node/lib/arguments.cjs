// Checks of what callers pass, so that a wrong argument is refused at the call and not at the next event.
'use strict';

const { CastaliaError } = require('./error.cjs');

/** The function; `InvalidArgument` where it is not one. */
function callable(given, operation, what) {
  if (typeof given !== 'function') {
    throw invalid(operation, `${what} is not a function`);
  }
  return given;
}

/** Keys and prefixes as lists. */
function interestOf({ keys = [], prefixes = [] } = {}) {
  return { keys: texts(keys, 'keys'), prefixes: texts(prefixes, 'prefixes') };
}

function texts(given, name) {
  // A text is an iterable of texts too, but of its letters.
  const listed = typeof given === 'string' || !given?.[Symbol.iterator] ? null : [...given];
  if (!listed?.every((one) => typeof one === 'string')) {
    throw invalid('listen', `${name} must be an iterable of strings, such as an array`);
  }
  return listed;
}

function invalid(operation, text) {
  const message = `InvalidArgument in ${operation}: ${text}`;
  return new CastaliaError({ code: 'InvalidArgument', message, operation });
}

module.exports = { callable, interestOf, invalid };
