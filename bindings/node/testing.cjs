// A client for tests of applications: no server, no network, content that the test sets. It is the real client over content in
// memory, so that reads, events and errors are those of production. It opens no socket and no file.
'use strict';

const { Client } = require('./lib/client.cjs');
const { checked } = require('./lib/error.cjs');
const { mailbox, wait } = require('./lib/mailbox.cjs');
const { native } = require('./lib/native.cjs');

class FakeClient extends Client {
  #memory;

  /** @param contents entries by namespace */
  constructor(contents = {}, { settings = {}, ...options } = {}) {
    let memory;
    const all = Object.entries(contents).map(([namespace, entries]) => [namespace, textsOf(entries)]);
    const _make = (asked) => {
      memory = checked(() => native.newInMemory(asked, all));
      return memory.client(mailbox);
    };
    super(settings, { ...options, _make });
    this.#memory = memory;
  }

  /** Sets some values of a namespace in one step; a value that is `null` or `undefined` deletes its key. */
  async set(namespace, entries) {
    const edits = textsOf(entries);
    await this.#change('set', namespace, (number) => this.#memory.update(mailbox, number, namespace, edits));
  }

  /** Replaces the content of a namespace. Reads return it when this resolves, and listeners are called for it. */
  async publish(namespace, entries) {
    const texts = textsOf(entries);
    await this.#change('publish', namespace, (number) => this.#memory.publish(mailbox, number, namespace, texts));
  }

  /** Lets a namespace fail to load, as without a server, until its content is set again. What was loaded before remains. */
  async fail(namespace) {
    await this.#change('fail', namespace, (number) => this.#memory.fail(mailbox, number, namespace));
  }

  async #change(operation, namespace, begin) {
    this._mustBeOpen(operation);
    await wait(begin);
    await Promise.all(this._opened(namespace).map((opened) => opened._catchUp()));
  }
}

/** Keys and texts, as the native half takes them; no value is null. */
function textsOf(entries) {
  return Object.entries(entries).map(([key, value]) => [
    key,
    value === undefined || value === null ? null : String(value),
  ]);
}

module.exports = { FakeClient };
