// A namespace as keys and values. Reads use a map in this half, which each change replaces as a
// whole.
'use strict';

const { Namespace } = require('./namespace.cjs');
const { Snapshot, mapOf, snapshotOf } = require('./snapshot.cjs');
const { Watch } = require('./watch.cjs');

class Config extends Namespace {
  #values;
  #snapshot;

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
    for (const name of Object.getOwnPropertyNames(Snapshot.prototype)) {
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

  watch(parse) {
    return new Watch(this, parse);
  }

  #otherwise(key, fallback) {
    return (this._manner.hasFallback ? this._view.fallbackValue(key) : null) ?? fallback;
  }

  _copied(view) {
    return mapOf(view);
  }

  _take() {
    this.#values = this._copy;
    this.#snapshot = new Snapshot(this._view, this._copy, this._manner);
  }

  _recall(view) {
    let snapshot = view.is(this._view) ? this.#snapshot : undefined;
    return () => (snapshot ??= snapshotOf(view, this._manner));
  }
}

module.exports = { Config };
