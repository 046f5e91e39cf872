"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.ConfigFile = void 0;
const namespace_cjs_1 = require("./namespace.cjs");
const snapshot_cjs_1 = require("./snapshot.cjs");
/** A namespace as one text. Its events have a single key, `content`. */
class ConfigFile extends namespace_cjs_1.Namespace {
    constructor(client, native) {
        super(client, native);
    }
    /** @internal */
    static _of(client, native) {
        return new ConfigFile(client, native);
    }
    /** The text: a document as released, or properties text; `undefined` if nothing has been loaded. */
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
    /** @internal */
    async _copied(view) {
        return view.content ?? undefined;
    }
    /** @internal */
    _take() { }
    /** @internal */
    _recall(view) {
        let snapshot;
        return () => (snapshot ??= (0, snapshot_cjs_1.snapshotOf)(view, this._manner));
    }
}
exports.ConfigFile = ConfigFile;
