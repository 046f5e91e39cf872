// A client for tests of applications: no server, no network, content that the test sets. It is the real client over files in a
// folder of its own, so that reads, events and errors are those of production.
'use strict';

const { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { Client } = require('./lib/client.cjs');

const APP_ID = 'test';

class FakeClient extends Client {
  #folder;
  #contents = new Map();

  /** @param contents entries by namespace */
  constructor(contents = {}, { settings = {}, ...options } = {}) {
    const folder = mkdtempSync(path.join(tmpdir(), 'castalia-'));
    const own = { 'app.id': APP_ID, env: 'LOCAL', 'apollo.cluster': 'default', 'apollo.cache-dir': folder };
    super({ ...own, ...settings }, options);
    this.#folder = folder;
    Object.entries(contents).forEach(([namespace, entries]) => this.#write(namespace, entries));
  }

  /** Sets some values of a namespace; a value that is `null` or `undefined` deletes its key. */
  async set(namespace, entries) {
    const merged = { ...this.#contents.get(namespace), ...entries };
    await this.publish(
      namespace,
      Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined)),
    );
  }

  /** Replaces the content of a namespace. Reads return it when this resolves, and listeners are called for it. */
  async publish(namespace, entries) {
    this._mustBeOpen('publish');
    this.#write(namespace, entries);
    await Promise.all(this._opened(namespace).map((opened) => opened.refresh()));
  }

  async close(options) {
    await super.close(options);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(namespace, entries) {
    this.#contents.set(namespace, { ...entries });
    const lines = Object.entries(entries).map(([key, value]) => `${escaped(key)}=${escaped(String(value))}\n`);
    const folder = path.join(this.#folder, this.appId, 'config-cache');
    const file = path.join(folder, `${this.appId}+default+${namespace.replace(/\.properties$/, '')}.properties`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.new`, lines.join(''));
    renameSync(`${file}.new`, file);
  }
}

/** A text as properties files may write every text. */
function escaped(text) {
  return [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
}

module.exports = { FakeClient };
