"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.ChangeEvent = void 0;
exports.changesOf = changesOf;
// One change of a namespace: all keys that one release changed.
const error_cjs_1 = require("./error.cjs");
const pace_cjs_1 = require("./pace.cjs");
/** All changes that one release made to a namespace. */
class ChangeEvent {
    appId;
    namespace;
    /** Every changed key, including those that the listener is not interested in. */
    changes;
    /** The changed keys that the listener is interested in; empty if it is interested in everything. */
    interestedKeys;
    oldReleaseKey;
    releaseKey;
    source;
    /** Number of the change within its namespace, increasing by one from 1. */
    sequence;
    /** Number of later changes that were merged into this one because the listener fell behind. */
    coalesced;
    #snapshot;
    constructor(fields, changes, snapshot) {
        this.appId = fields.appId;
        this.namespace = fields.namespace;
        this.changes = changes;
        this.interestedKeys = Object.freeze(fields.interestedKeys);
        this.oldReleaseKey = fields.oldReleaseKey;
        this.releaseKey = fields.releaseKey;
        this.source = fields.source;
        this.sequence = fields.sequence;
        this.coalesced = fields.coalesced;
        this.#snapshot = snapshot;
        Object.freeze(this);
    }
    /**
     * @param snapshot returns the values after the change; called only when they are read
     * @internal
     */
    static _of(fields, changes, snapshot) {
        return new ChangeEvent(fields, changes, snapshot);
    }
    /** The values after the change; for merged changes, those after the last of them. */
    get snapshot() {
        return this.#snapshot();
    }
}
exports.ChangeEvent = ChangeEvent;
/**
 * Copies the changes of a native event in parts, so that the event loop is not blocked for long.
 */
async function changesOf(event) {
    const changes = new Map();
    await (0, pace_cjs_1.inParts)(event.size, (from, count) => {
        const words = (0, error_cjs_1.checked)(() => event.changes(from, count));
        for (let at = 0; at < words.length; at += 4) {
            const [oldValue, newValue, changeType] = words.slice(at + 1, at + 4);
            changes.set(words[at], Object.freeze({ oldValue, newValue, changeType }));
        }
    });
    return changes;
}
