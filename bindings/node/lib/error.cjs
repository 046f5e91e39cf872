// The error class, and the border to the native half, where native failures and panics are
// converted to it.
'use strict';

const { native } = require('./native.cjs');

class CastaliaError extends Error {
  /** @param failure a failure of the native half, or an object with the same members */
  constructor({ code, message, operation, context = {} }) {
    super(message);
    this.code = code;
    this.operation = operation;
    this.context = context;
  }
}
Object.defineProperty(CastaliaError.prototype, 'name', { value: 'CastaliaError' });

/** Calls into the native half; converts what it throws. */
function checked(call) {
  const result = guarded(call);
  if (result instanceof native.Failure) {
    throw new CastaliaError(result);
  }
  return result;
}

function guarded(call) {
  try {
    return call();
  } catch (error) {
    // napi-rs throws this code for a panic, and other codes for arguments of a wrong type.
    const code = error.code === 'GenericFailure' ? 'Internal' : 'InvalidArgument';
    throw new CastaliaError({ code, message: `${code} in call: ${error.message}`, operation: 'call' });
  }
}

/** Converts an optional failure. */
function errorOf(failure) {
  return failure ? new CastaliaError(failure) : null;
}

module.exports = { CastaliaError, checked, errorOf };
