"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Config = void 0;
const namespace_cjs_1 = require("./namespace.cjs");
const snapshot_cjs_1 = require("./snapshot.cjs");
const watch_cjs_1 = require("./watch.cjs");
/**
 * A namespace as keys and values, with the reads of a snapshot. Each uses the newest values; for several reads that must be consistent
 * with each other, use a snapshot.
 */
class Config extends namespace_cjs_1.Namespace {
    #values;
    #snapshot;
    constructor(client, native) {
        super(client, native);
    }
    /** @internal */
    static _of(client, native) {
        return new Config(client, native);
    }
    get(key, fallback) {
        const value = this.#values.get(key);
        return value === undefined ? this.#otherwise(key, fallback) : value;
    }
    get size() {
        return this.#values.size;
    }
    [Symbol.iterator]() {
        return this.#values.entries();
    }
    static {
        // All other reads are delegated to the snapshot.
        for (const name of Object.getOwnPropertyNames(snapshot_cjs_1.Snapshot.prototype)) {
            if (/^(tryG|g)et\w|^(has|keys|values|entries|forEach)$/.test(name)) {
                Config.prototype[name] = function read(...args) {
                    return this.#snapshot[name](...args);
                };
            }
        }
    }
    snapshot() {
        this._settle();
        return this.#snapshot;
    }
    /** A value built from the whole namespace and kept current. */
    watch(parse) {
        return watch_cjs_1.Watch._of(this, parse);
    }
    #otherwise(key, fallback) {
        return (this._manner.hasFallback ? this._view.fallbackValue(key) : null) ?? fallback;
    }
    /** @internal */
    _copied(view) {
        return (0, snapshot_cjs_1.mapOf)(view);
    }
    /** @internal */
    _take() {
        this.#values = this._copy;
        this.#snapshot = snapshot_cjs_1.Snapshot._of(this._view, this._copy, this._manner);
    }
    /** @internal */
    _recall(view) {
        let snapshot = view.is(this._view) ? this.#snapshot : undefined;
        return () => (snapshot ??= (0, snapshot_cjs_1.snapshotOf)(view, this._manner));
    }
}
exports.Config = Config;
