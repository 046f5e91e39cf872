// Checks arguments, so that a wrong one is refused at the call and not when the next event arrives.
import { CastaliaError } from './error.cjs';

/** What a listener is interested in; without any, everything. */
export interface Filter {
  /** Exact keys. */
  readonly keys?: Iterable<string>;
  /** Prefixes as plain text: `db` covers `dbName`. */
  readonly prefixes?: Iterable<string>;
}

/** Returns the function; throws `InvalidArgument` for anything else. */
export function callable<F extends Function>(given: F, operation: string, what: string): F {
  if (typeof given !== 'function') {
    throw invalid(operation, `${what} is not a function`);
  }
  return given;
}

/** Returns keys and prefixes as arrays. */
export function interestOf({ keys = [], prefixes = [] }: Filter = {}): { keys: string[]; prefixes: string[] } {
  return { keys: texts(keys, 'keys'), prefixes: texts(prefixes, 'prefixes') };
}

function texts(given: Iterable<string>, name: string): string[] {
  // A string is iterable too, but yields its characters.
  const listed = typeof given === 'string' || !given?.[Symbol.iterator] ? null : [...given];
  if (!listed?.every((one) => typeof one === 'string')) {
    throw invalid('listen', `${name} must be an iterable of strings, such as an array`);
  }
  return listed;
}

export function invalid(operation: string, text: string): CastaliaError {
  const message = `InvalidArgument in ${operation}: ${text}`;
  return CastaliaError._of({ code: 'InvalidArgument', message, operation });
}
