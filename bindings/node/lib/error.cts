// The error class, and the border to the native half, where what that throws is converted to it.

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
  try {
    return call();
  } catch (thrown) {
    throw CastaliaError._of(failureIn(thrown));
  }
}

/** Why the native half threw this: an error of the client, a panic, or an argument of a wrong type. */
export function failureIn(thrown: any): Failure {
  if (thrown.code === 'Castalia') {
    return failureOf(JSON.parse(thrown.message));
  }
  // napi-rs throws this code for a panic, and other codes for arguments of a wrong type.
  const code = thrown.code === 'GenericFailure' ? 'Internal' : 'InvalidArgument';
  return { code, message: `${code} in call: ${thrown.message}`, operation: 'call' };
}

/** Converts an error that the native half describes. */
export function errorOf(record: any): CastaliaError {
  return CastaliaError._of(failureOf(record));
}

function failureOf({ kind, message, operation, context }: any): Failure {
  return { code: kind, message, operation, context };
}
