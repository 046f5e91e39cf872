// One change of a namespace: all keys that one release changed.
'use strict';

const { checked } = require('./error.cjs');
const { inParts } = require('./pace.cjs');

class ChangeEvent {
  #snapshot;

  /**
   * @param snapshot returns the values after the change; called only when they are read
   */
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

  get snapshot() {
    return this.#snapshot();
  }
}

/**
 * Copies the changes of a native event in parts, so that the event loop is not blocked for long.
 */
async function changesOf(event) {
  const changes = new Map();
  await inParts(event.size, (from, count) => {
    const words = checked(() => event.changes(from, count));
    for (let at = 0; at < words.length; at += 4) {
      const [oldValue, newValue, changeType] = words.slice(at + 1, at + 4);
      changes.set(words[at], Object.freeze({ oldValue, newValue, changeType }));
    }
  });
  return changes;
}

module.exports = { ChangeEvent, changesOf };
