// A namespace as one text: a document unchanged, or key-value pairs as properties text.
'use strict';

const { Namespace } = require('./namespace.cjs');
const { snapshotOf } = require('./snapshot.cjs');

class ConfigFile extends Namespace {
  get content() {
    return this._copy;
  }

  get format() {
    return this._view.about.format;
  }

  snapshot() {
    this._settle();
    return this._recall(this._view)();
  }

  async _copied(view) {
    return view.content ?? undefined;
  }

  _take() {}

  _recall(view) {
    let snapshot;
    return () => (snapshot ??= snapshotOf(view, this._manner));
  }
}

module.exports = { ConfigFile };
