"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.CastaliaError = void 0;
exports.checked = checked;
exports.errorOf = errorOf;
// The error class, and the border to the native half, where native failures and panics are
// converted to it.
const native_cjs_1 = require("./native.cjs");
/** Why a call failed. An aborted wait fails with the reason of its signal instead. */
class CastaliaError extends Error {
    code;
    /** The operation that failed. */
    operation;
    /** Context: `namespace`, `url` and so on; never a secret. */
    context;
    constructor({ code, message, operation, context = {} }) {
        super(message);
        this.code = code;
        this.operation = operation;
        this.context = context;
    }
    /** @internal */
    static _of(failure) {
        return new CastaliaError(failure);
    }
}
exports.CastaliaError = CastaliaError;
Object.defineProperty(CastaliaError.prototype, 'name', { value: 'CastaliaError' });
/** Calls into the native half; converts what it throws. */
function checked(call) {
    const result = guarded(call);
    if (result instanceof native_cjs_1.native.Failure) {
        throw CastaliaError._of(result);
    }
    return result;
}
function guarded(call) {
    try {
        return call();
    }
    catch (error) {
        // napi-rs throws this code for a panic, and other codes for arguments of a wrong type.
        const code = error.code === 'GenericFailure' ? 'Internal' : 'InvalidArgument';
        throw CastaliaError._of({ code, message: `${code} in call: ${error.message}`, operation: 'call' });
    }
}
/** Converts an optional failure. */
function errorOf(failure) {
    return failure ? CastaliaError._of(failure) : null;
}
