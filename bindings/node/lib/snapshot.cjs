// The values of a namespace at one moment: an immutable map, with typed reads that parse each value
// once.
'use strict';

const { callable, invalid } = require('./arguments.cjs');
const { native } = require('./native.cjs');
const { CastaliaError, checked } = require('./error.cjs');
const { inParts } = require('./pace.cjs');

class Snapshot {
  #values;
  #content;
  #manner;
  #parsed = new Map();
  /** Keys whose malformed values were already reported. */
  #malformed = new Set();

  /**
   * @param content the native view
   * @param values a map that does not change from now on
   * @param manner how values are read: the native rules, whether keys may have values outside the
   * map, whether malformed values are counted, and how many parsed values are kept for each type
   */
  constructor(content, values, manner) {
    const { about } = content;
    this.appId = about.appId;
    this.cluster = about.cluster;
    this.namespace = about.namespace;
    this.source = about.source;
    this.releaseKey = about.releaseKey;
    this.notificationId = about.notificationId;
    this.loadedAt = new Date(about.loadedAt);
    this.#values = values;
    this.#content = content;
    this.#manner = manner;
    Object.freeze(this);
  }

  get size() {
    return this.#values.size;
  }

  get(key, fallback) {
    return this.#values.get(key) ?? this.#fallbackValue(key) ?? fallback;
  }

  has(key) {
    return this.get(key) !== undefined;
  }

  keys() {
    return this.#values.keys();
  }

  values() {
    return this.#values.values();
  }

  entries() {
    return this.#values.entries();
  }

  [Symbol.iterator]() {
    return this.#values.entries();
  }

  forEach(visit, self) {
    this.#values.forEach((value, key) => visit.call(self, value, key, this));
  }

  getInt(key, fallback) {
    return this.#or(fallback, key, 'int', parse);
  }

  tryGetInt(key) {
    return this.#orThrow(key, 'int', parse);
  }

  getLong(key, fallback) {
    return this.#or(fallback, key, 'safe', parseSafe);
  }

  tryGetLong(key) {
    return this.#orThrow(key, 'safe', parseSafe);
  }

  getBigInt(key, fallback) {
    return this.#or(fallback, key, 'long', parse);
  }

  tryGetBigInt(key) {
    return this.#orThrow(key, 'long', parse);
  }

  getDouble(key, fallback) {
    return this.#or(fallback, key, 'double', parse);
  }

  tryGetDouble(key) {
    return this.#orThrow(key, 'double', parse);
  }

  getBool(key, fallback) {
    return this.#or(fallback, key, 'bool', parse);
  }

  tryGetBool(key) {
    return this.#orThrow(key, 'bool', parse);
  }

  getDuration(key, fallback) {
    return this.#or(fallback, key, 'duration', parse);
  }

  tryGetDuration(key) {
    return this.#orThrow(key, 'duration', parse);
  }

  getDate(key, fallback) {
    const millis = this.#or(undefined, key, 'date', parse);
    return millis === undefined ? fallback : new Date(millis);
  }

  tryGetDate(key) {
    const millis = this.#orThrow(key, 'date', parse);
    return millis === undefined ? undefined : new Date(millis);
  }

  getJson(key, fallback) {
    return this.#or(fallback, key, 'json', parseJson);
  }

  tryGetJson(key) {
    return this.#orThrow(key, 'json', parseJson);
  }

  getList(key, fallback, delimiter = ',', trim = false) {
    const parts = (text) => Object.freeze(checked(() => native.parseList(text, delimiter, trim)));
    return this.#or(fallback, key, `${trim ? 'trimmed list' : 'list'} ${delimiter}`, parts);
  }

  getWith(key, read, fallback) {
    callable(read, 'read value', 'what reads the value');
    const text = this.get(key);
    if (text === undefined) {
      return fallback;
    }
    const value = attempt(read, text);
    if (value === undefined || value === null) {
      this.#note(key);
      return fallback;
    }
    return value;
  }

  getEnum(key, members, fallback) {
    const value = this.#member(key, members);
    return value === undefined || value instanceof Malformed ? fallback : value;
  }

  tryGetEnum(key, members) {
    const value = this.#member(key, members);
    if (value instanceof Malformed) {
      throw new CastaliaError(value.failure);
    }
    return value;
  }

  /** Returns the member named by the value, `Malformed`, or `undefined` for a missing key. */
  #member(key, members) {
    const known = membersOf(members);
    const text = this.get(key);
    if (text === undefined || known.has(text)) {
      return known.get(text);
    }
    this.#note(key);
    return malformed(`the value is not one of ${[...known.keys()].join(', ')}`, { namespace: this.namespace, key });
  }

  #fallbackValue(key) {
    return this.#manner.hasFallback ? this.#content.fallbackValue(key) : undefined;
  }

  #or(fallback, key, type, read) {
    const value = this.#read(key, type, read);
    return value === undefined || value instanceof Malformed ? fallback : value;
  }

  #orThrow(key, type, read) {
    const value = this.#read(key, type, read);
    if (value instanceof Malformed) {
      throw new CastaliaError(value.failure);
    }
    return value;
  }

  /** Returns the parsed value, `Malformed`, or `undefined` for a missing key. */
  #read(key, type, read) {
    let kept = this.#parsed.get(type);
    if (kept === undefined) {
      kept = new Map();
      this.#parsed.set(type, kept);
    }
    const known = kept.get(key);
    if (known !== undefined) {
      return known;
    }
    const text = this.get(key);
    if (text === undefined) {
      return undefined;
    }
    const value = read(text, { type, namespace: this.namespace, key, rules: this.#manner.rules });
    if (value instanceof Malformed) {
      this.#note(key);
    }
    if (kept.size < this.#manner.kept) {
      kept.set(key, value);
    }
    return value;
  }

  #note(key) {
    if (!this.#malformed.has(key)) {
      this.#malformed.add(key);
      if (this.#manner.isCounted) {
        this.#content.noteMalformed(key);
      }
    }
  }
}

/**
 * Returns the members of an enumeration by name, from an array of names or an object such as a
 * TypeScript enum.
 */
function membersOf(members) {
  if (Array.isArray(members)) {
    return new Map(members.map((name) => [name, name]));
  }
  if (typeof members !== 'object' || members === null) {
    throw invalid('read value', 'the members are neither an array nor an object');
  }
  // A numeric TypeScript enum also maps its numbers to names.
  return new Map(Object.entries(members).filter(([name]) => !/^-?\d/.test(name)));
}

/** Cached instead of a value that is not of the requested type. */
class Malformed {
  constructor(failure) {
    this.failure = failure;
  }
}

/** Calls a parser of the application; returns nothing if it fails. */
function attempt(read, text) {
  try {
    return read(text);
  } catch {
    return undefined;
  }
}

function parse(text, { type, namespace, key, rules }) {
  const value = rules.parse(type, text, namespace, key);
  return value instanceof native.Failure ? new Malformed(value) : value;
}

/** Parses an integer that a `number` represents exactly. */
function parseSafe(text, about) {
  const value = parse(text, { ...about, type: 'long' });
  if (value instanceof Malformed || Number.isSafeInteger(Number(value))) {
    return value instanceof Malformed ? value : Number(value);
  }
  return malformed('the value is not a whole number that a number holds exactly; read it as a bigint', about);
}

function parseJson(text, about) {
  try {
    // Frozen, because all readers share it.
    return JSON.parse(text, (_name, value) => Object.freeze(value));
  } catch {
    return malformed('the value is not JSON', about);
  }
}

function malformed(text, { namespace, key }) {
  const message = `Parse in read value: ${text} (namespace=${namespace}, key=${key})`;
  return new Malformed({ code: 'Parse', message, operation: 'read value', context: { namespace, key } });
}

/**
 * Copies the entries of a native view into a map in parts, so that the event loop is not blocked
 * for long.
 */
async function mapOf(content) {
  const values = new Map();
  await inParts(content.about.size, (from, count) => addTo(values, content, from, count));
  return values;
}

/** Returns the snapshot of a native view, copied in one step. */
function snapshotOf(content, manner) {
  return new Snapshot(content, addTo(new Map(), content, 0, content.about.size), manner);
}

function addTo(values, content, from, count) {
  const words = checked(() => content.entries(from, count));
  for (let at = 0; at < words.length; at += 2) {
    values.set(words[at], words[at + 1]);
  }
  return values;
}

module.exports = { Snapshot, mapOf, snapshotOf };
