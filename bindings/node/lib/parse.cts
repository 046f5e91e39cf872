// Parses values: what a read keeps of a text, or why the text is malformed.
import { invalid } from './arguments.cjs';
import { CastaliaError, type Failure, failureIn } from './error.cjs';

/** What is parsed, and the native view that does it. */
export interface About {
  readonly type: string;
  readonly namespace: string;
  readonly key: string;
  readonly content: any;
}

/** An array of names, or an object such as a TypeScript enum. */
export type Members = readonly string[] | Readonly<Record<string, string | number>>;

/**
 * Returns the members of an enumeration by name, from an array of names or an object such as a
 * TypeScript enum.
 */
export function membersOf(members: Members): Map<string, string | number> {
  if (Array.isArray(members)) {
    return new Map(members.map((name: string) => [name, name]));
  }
  if (typeof members !== 'object' || members === null) {
    throw invalid('read value', 'the members are neither an array nor an object');
  }
  // A numeric TypeScript enum also maps its numbers to names.
  return new Map(Object.entries(members).filter(([name]) => !/^-?\d/.test(name)));
}

/** Cached instead of a value that is not of the requested type. */
export class Malformed {
  constructor(readonly failure: Failure) {}
}

/** Calls a parser of the application; returns nothing if it fails. */
export function attempt<T>(read: (text: string) => T, text: string): T | undefined {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}

export function parse(text: string, { type, key, content }: About): any {
  try {
    return content.parse(type, text, key);
  } catch (thrown) {
    const failure = failureIn(thrown);
    if (failure.code === 'Parse') {
      return new Malformed(failure);
    }
    throw CastaliaError._of(failure);
  }
}

/** Parses an integer that a `number` represents exactly. */
export function parseSafe(text: string, about: About): number | Malformed {
  const value = parse(text, { ...about, type: 'long' });
  if (value instanceof Malformed || Number.isSafeInteger(Number(value))) {
    return value instanceof Malformed ? value : Number(value);
  }
  return malformed('the value is not a whole number that a number holds exactly; read it as a bigint', about);
}

export function parseJson(text: string, about: About): unknown {
  try {
    // Frozen, because all readers share it.
    return JSON.parse(text, (_name, value) => Object.freeze(value));
  } catch {
    return malformed('the value is not JSON', about);
  }
}

export function malformed(text: string, { namespace, key }: Pick<About, 'namespace' | 'key'>): Malformed {
  const message = `Parse in read value: ${text} (namespace=${namespace}, key=${key})`;
  return new Malformed({ code: 'Parse', message, operation: 'read value', context: { namespace, key } });
}
