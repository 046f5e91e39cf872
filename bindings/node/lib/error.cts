// The error class, and the border to the native half, where native failures and panics are
// converted to it.
import { native } from './native.cjs';

/** What a caller can do about an error. */
export type ErrorCode =
  | 'InvalidArgument'
  | 'NotReady'
  | 'NotFound'
  | 'Unauthorized'
  | 'BadRequest'
  | 'Timeout'
  | 'Transport'
  | 'Protocol'
  | 'Parse'
  | 'Io'
  | 'Closed'
  | 'Internal';

/** What an error is created from. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly operation: string;
  readonly context?: Readonly<Record<string, string>>;
}

/** Why a call failed. An aborted wait fails with the reason of its signal instead. */
export class CastaliaError extends Error {
  declare readonly name: 'CastaliaError';
  readonly code: ErrorCode;
  /** The operation that failed. */
  readonly operation: string;
  /** Context: `namespace`, `url` and so on; never a secret. */
  readonly context: Readonly<Record<string, string>>;

  private constructor({ code, message, operation, context = {} }: Failure) {
    super(message);
    this.code = code;
    this.operation = operation;
    this.context = context;
  }

  /** @internal */
  static _of(failure: Failure): CastaliaError {
    return new CastaliaError(failure);
  }
}
Object.defineProperty(CastaliaError.prototype, 'name', { value: 'CastaliaError' });

/** Calls into the native half; converts what it throws. */
export function checked<T>(call: () => T): T {
  const result: any = guarded(call);
  if (result instanceof native.Failure) {
    throw errorOf(JSON.parse(result.record));
  }
  return result;
}

/** Calls into the native half; converts a panic, and returns a failure as any other result. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error: any) {
    // napi-rs throws this code for a panic, and other codes for arguments of a wrong type.
    const code = error.code === 'GenericFailure' ? 'Internal' : 'InvalidArgument';
    throw CastaliaError._of({ code, message: `${code} in call: ${error.message}`, operation: 'call' });
  }
}

/** Converts an error that the native half describes. */
export function errorOf(record: any): CastaliaError {
  return CastaliaError._of(failureOf(record));
}

export function failureOf({ kind, message, operation, context }: any): Failure {
  return { code: kind, message, operation, context };
}
