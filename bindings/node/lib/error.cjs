// The one class of errors, and the border to the native half, where failures and faults become it.
'use strict';

const { native } = require('./native.cjs');

class CastaliaError extends Error {
  /** @param failure what the native half gives, or an object like it */
  constructor({ code, message, operation, context = {} }) {
    super(message);
    this.code = code;
    this.operation = operation;
    this.context = context;
  }
}
Object.defineProperty(CastaliaError.prototype, 'name', { value: 'CastaliaError' });

/** What a call into the native half gives; throws what it fails with. */
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
    // The macros of the native half throw this code for a panic, and others for arguments of a wrong type.
    const code = error.code === 'GenericFailure' ? 'Internal' : 'InvalidArgument';
    throw new CastaliaError({ code, message: `${code} in call: ${error.message}`, operation: 'call' });
  }
}

/** A failure that may be none. */
function errorOf(failure) {
  return failure ? new CastaliaError(failure) : null;
}

module.exports = { CastaliaError, checked, errorOf };
