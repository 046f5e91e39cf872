"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Snapshot = void 0;
exports.mapOf = mapOf;
exports.snapshotOf = snapshotOf;
// The values of a namespace at one moment: an immutable map, with typed reads that parse each value
// once.
const arguments_cjs_1 = require("./arguments.cjs");
const native_cjs_1 = require("./native.cjs");
const error_cjs_1 = require("./error.cjs");
const pace_cjs_1 = require("./pace.cjs");
const parse_cjs_1 = require("./parse.cjs");
/**
 * The values of a namespace at one moment; they never change. Reads never wait. Those with a fallback never
 * fail; those named `try` throw `Parse` if the value is malformed.
 */
class Snapshot {
    appId;
    cluster;
    namespace;
    source;
    /** Empty unless the source is remote. */
    releaseKey;
    /** Id of the newest notification before the load; -1 if there was none. */
    notificationId;
    loadedAt;
    #values;
    #content;
    #manner;
    #parsed = new Map();
    /** Keys whose malformed values were already reported. */
    #malformed = new Set();
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
    /**
     * @param content the native view
     * @param values a map that does not change from now on
     * @internal
     */
    static _of(content, values, manner) {
        return new Snapshot(content, values, manner);
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
        return this.#or(fallback, key, 'int', parse_cjs_1.parse);
    }
    tryGetInt(key) {
        return this.#orThrow(key, 'int', parse_cjs_1.parse);
    }
    getLong(key, fallback) {
        return this.#or(fallback, key, 'safe', parse_cjs_1.parseSafe);
    }
    tryGetLong(key) {
        return this.#orThrow(key, 'safe', parse_cjs_1.parseSafe);
    }
    getBigInt(key, fallback) {
        return this.#or(fallback, key, 'long', parse_cjs_1.parse);
    }
    tryGetBigInt(key) {
        return this.#orThrow(key, 'long', parse_cjs_1.parse);
    }
    getDouble(key, fallback) {
        return this.#or(fallback, key, 'double', parse_cjs_1.parse);
    }
    tryGetDouble(key) {
        return this.#orThrow(key, 'double', parse_cjs_1.parse);
    }
    getBool(key, fallback) {
        return this.#or(fallback, key, 'bool', parse_cjs_1.parse);
    }
    tryGetBool(key) {
        return this.#orThrow(key, 'bool', parse_cjs_1.parse);
    }
    getDuration(key, fallback) {
        return this.#or(fallback, key, 'duration', parse_cjs_1.parse);
    }
    tryGetDuration(key) {
        return this.#orThrow(key, 'duration', parse_cjs_1.parse);
    }
    getDate(key, fallback) {
        const millis = this.#or(undefined, key, 'date', parse_cjs_1.parse);
        return millis === undefined ? fallback : new Date(millis);
    }
    tryGetDate(key) {
        const millis = this.#orThrow(key, 'date', parse_cjs_1.parse);
        return millis === undefined ? undefined : new Date(millis);
    }
    getJson(key, fallback) {
        return this.#or(fallback, key, 'json', parse_cjs_1.parseJson);
    }
    tryGetJson(key) {
        return this.#orThrow(key, 'json', parse_cjs_1.parseJson);
    }
    getList(key, fallback, delimiter = ',', trim = false) {
        const parts = (text) => Object.freeze((0, error_cjs_1.checked)(() => native_cjs_1.native.parseList(text, delimiter, trim)));
        return this.#or(fallback, key, `${trim ? 'trimmed list' : 'list'} ${delimiter}`, parts);
    }
    getWith(key, read, fallback) {
        (0, arguments_cjs_1.callable)(read, 'read value', 'what reads the value');
        const text = this.get(key);
        if (text === undefined) {
            return fallback;
        }
        const value = (0, parse_cjs_1.attempt)(read, text);
        if (value === undefined || value === null) {
            this.#note(key);
            return fallback;
        }
        return value;
    }
    getEnum(key, members, fallback) {
        const value = this.#member(key, members);
        return value === undefined || value instanceof parse_cjs_1.Malformed ? fallback : value;
    }
    tryGetEnum(key, members) {
        const value = this.#member(key, members);
        if (value instanceof parse_cjs_1.Malformed) {
            throw error_cjs_1.CastaliaError._of(value.failure);
        }
        return value;
    }
    /** Returns the member named by the value, `Malformed`, or `undefined` for a missing key. */
    #member(key, members) {
        const known = (0, parse_cjs_1.membersOf)(members);
        const text = this.get(key);
        if (text === undefined || known.has(text)) {
            return known.get(text);
        }
        this.#note(key);
        return (0, parse_cjs_1.malformed)(`the value is not one of ${[...known.keys()].join(', ')}`, { namespace: this.namespace, key });
    }
    #fallbackValue(key) {
        return this.#manner.hasFallback ? this.#content.fallbackValue(key) : undefined;
    }
    #or(fallback, key, type, read) {
        const value = this.#read(key, type, read);
        return value === undefined || value instanceof parse_cjs_1.Malformed ? fallback : value;
    }
    #orThrow(key, type, read) {
        const value = this.#read(key, type, read);
        if (value instanceof parse_cjs_1.Malformed) {
            throw error_cjs_1.CastaliaError._of(value.failure);
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
        if (value instanceof parse_cjs_1.Malformed) {
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
exports.Snapshot = Snapshot;
/**
 * Copies the entries of a native view into a map in parts, so that the event loop is not blocked
 * for long.
 */
async function mapOf(content) {
    const values = new Map();
    await (0, pace_cjs_1.inParts)(content.about.size, (from, count) => addTo(values, content, from, count));
    return values;
}
/** Returns the snapshot of a native view, copied in one step. */
function snapshotOf(content, manner) {
    return Snapshot._of(content, addTo(new Map(), content, 0, content.about.size), manner);
}
function addTo(values, content, from, count) {
    const words = (0, error_cjs_1.checked)(() => content.entries(from, count));
    for (let at = 0; at < words.length; at += 2) {
        values.set(words[at], words[at + 1]);
    }
    return values;
}
