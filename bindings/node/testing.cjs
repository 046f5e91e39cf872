// A client for tests of applications, without server and network, whose values are set by the test.
// It is the real client on in-memory values, so reads, events and errors are the same as in
// production. It opens no socket and no file.
'use strict';

const { Client } = require('./lib/client.cjs');
const { checked } = require('./lib/error.cjs');
const { mailbox, wait } = require('./lib/mailbox.cjs');
const { native } = require('./lib/native.cjs');

class FakeClient extends Client {
  /** The native client. */
  #memory;

  /** @param contents entries by namespace */
  constructor(contents = {}, { settings = {}, ...options } = {}) {
    let memory;
    const all = Object.entries(contents).map(([namespace, entries]) => [namespace, textsOf(entries)]);
    const _make = (asked) => {
      memory = checked(() => native.newClient(mailbox, asked, all));
      return memory;
    };
    super(settings, { ...options, _make });
    this.#memory = memory;
  }

  /** Sets values of a namespace in one step, like `publish`; `null` or `undefined` deletes the key. */
  async set(namespace, entries) {
    await this.#change('set', namespace, textsOf(entries));
  }

  /**
   * Replaces all values of a namespace. When the promise resolves, reads return them and listeners
   * were called.
   */
  async publish(namespace, entries) {
    await this.#change('publish', namespace, textsOf(entries));
  }

  /**
   * Makes loads of a namespace fail, as if no server answered, until its values are set again.
   * Loaded values remain.
   */
  async fail(namespace) {
    await this.#change('fail', namespace, null);
  }

  async #change(operation, namespace, edits) {
    this._mustBeOpen(operation);
    await wait((number) => this.#memory.change(number, namespace, edits, operation === 'publish'));
    await this._called(namespace);
  }
}

/** Converts values to strings for the native half, which refuses null where it replaces all values. */
function textsOf(entries) {
  return Object.entries(entries).map(([key, value]) => [
    key,
    value === undefined || value === null ? null : String(value),
  ]);
}

module.exports = { FakeClient };
