// A namespace as one text: a document as it is, or properties text.
'use strict';

const { Namespace } = require('./namespace.cjs');
const { snapshotOf } = require('./snapshot.cjs');

class ConfigFile extends Namespace {
  #content;

  get content() {
    return this.#content;
  }

  get format() {
    return this._view.about.format;
  }

  snapshot() {
    return this._recall(this._view)();
  }

  _copy(view) {
    return view.content ?? undefined;
  }

  _take(view, content) {
    this._view = view;
    this.#content = content;
  }

  _recall(view) {
    let snapshot;
    return () => (snapshot ??= snapshotOf(view, this._manner));
  }
}

module.exports = { ConfigFile };
