// The client: opens namespaces, reports their errors, closes.
'use strict';

const { EventEmitter } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const { native } = require('./native.cjs');
const { callable } = require('./arguments.cjs');
const { Config } = require('./config.cjs');
const { ConfigFile } = require('./config-file.cjs');
const { CastaliaError, checked } = require('./error.cjs');
const { warn } = require('./log.cjs');
const { mailbox, register, forget, hold, release, wait } = require('./mailbox.cjs');
const { metricsOf, settingsOf } = require('./metrics.cjs');
const { Settings } = require('./settings.cjs');
const { Subscription } = require('./subscription.cjs');
const { verdictOf } = require('./validator.cjs');

/** Members whose names begin with `_` are internal to this package. */
class Client extends EventEmitter {
  #native;
  #manner;
  #closed = false;
  #ready = false;
  /** Open namespaces, by kind and name. */
  #namespaces = new Map();
  /** Subscriptions and iterators that have not ended, with their namespaces. */
  #followers = new Map();
  #validators = [];
  /** The subscription whose listener is being called. */
  #within = null;

  constructor(settings, { keepAlive = false, required, _make = newClient } = {}) {
    super();
    this.#native = _make(Settings._asked(settings, required));
    this.#manner = mannerOf(this.#native.rules);
    if (keepAlive) {
      hold(this);
    }
  }

  static async start(settings, { keepAlive, required, ...options } = {}) {
    const client = new Client(settings, { keepAlive, required });
    try {
      await client.start(options);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  get appId() {
    return this.#native.appId;
  }

  get env() {
    return this.#native.env;
  }

  get closed() {
    return this.#closed;
  }

  async start(options) {
    this._mustBeOpen('start');
    await wait((number) => this.#native.start(number), options);
    this.#tellReady();
  }

  config(namespace, options) {
    return this.configOf(this.appId, namespace, options);
  }

  async configOf(appId, namespace, options) {
    const opened = await wait((number) => this.#native.open(number, appId, namespace, false), options);
    return this.#adopt(opened, 'config', () => new Config(this, opened));
  }

  async configFile(namespace, options) {
    const opened = await wait((number) => this.#native.open(number, this.appId, namespace, true), options);
    return this.#adopt(opened, 'file', () => new ConfigFile(this, opened));
  }

  validate(namespace, validator) {
    this._mustBeOpen('validate');
    callable(validator, 'validate', 'the validator');
    const number = register((question) => verdictOf(validator, question, this.#manner));
    this.#validators.push(number);
    checked(() => this.#native.validate(number, namespace));
  }

  setAccessKey(appId, secret) {
    this._mustBeOpen('set access key');
    checked(() => this.#native.setAccessKey(appId, secret));
  }

  settings() {
    return settingsOf(checked(() => this.#native.settings()));
  }

  metrics() {
    return metricsOf(checked(() => this.#native.metrics()));
  }

  metricsText() {
    return checked(() => this.#native.metricsText());
  }

  async close(options) {
    this.#closed = true;
    release(this);
    // A listener may close its own client and await that; waiting for it here would deadlock.
    const busy = [...this.#followers.keys()].filter((one) => one instanceof Subscription && one !== this.#within);
    await wait((number) => this.#native.close(number), options);
    await drained(busy);
    this.#followers.forEach((_, follower) => follower.retire());
    this.#validators.splice(0).forEach(forget);
  }

  /**
   * Returns the object of this half for an opened namespace; each exists once until it is closed.
   */
  async #adopt(opened, kind, make) {
    const { appId, namespace } = opened.view.about;
    const name = `${kind} ${appId} ${namespace}`;
    if (this.#namespaces.has(name)) {
      opened.release();
    } else {
      this.#namespaces.set(name, make());
    }
    const adopted = this.#namespaces.get(name);
    await adopted._follow();
    this.#tellReady();
    const { lastError } = adopted;
    if (lastError) {
      const instead = adopted.source === 'none' ? 'reads return their defaults' : `it has its ${adopted.source} values`;
      this._fail(lastError, `no server has returned the namespace ${namespace}; until one does, ${instead}`);
    }
    return adopted;
  }

  #tellReady() {
    if (!this.#ready) {
      this.#ready = true;
      this.emit('ready');
    }
  }

  get _manner() {
    return this.#manner;
  }

  _mustBeOpen(operation) {
    if (this.#closed) {
      const message = `Closed in ${operation}: the client is closed`;
      throw new CastaliaError({ code: 'Closed', message, operation });
    }
  }

  /** Tracks a subscription or an iterator until it ends. */
  _add(follower, namespace) {
    this.#followers.set(follower, namespace);
    follower.ended.then(() => this.#followers.delete(follower));
  }

  /** Returns the open handles of a namespace: as values, as one text, or both. */
  _opened(namespace) {
    const bare = (name) => name.replace(/\.properties$/, '');
    return [...this.#namespaces.values()].filter((opened) => bare(opened.namespace) === bare(namespace));
  }

  /** Called when a namespace is closed. */
  _forget(namespace) {
    for (const [name, one] of this.#namespaces) {
      if (one === namespace) {
        this.#namespaces.delete(name);
      }
    }
    for (const [follower, followed] of this.#followers) {
      if (followed === namespace) {
        follower.cancel();
      }
    }
  }

  /** Calls a listener, and records its subscription meanwhile. */
  _within(subscription, call) {
    this.#within = subscription;
    try {
      return call();
    } finally {
      this.#within = null;
    }
  }

  /**
   * Runs code that may fail in a listener: a failure is counted and reported, and affects no other
   * listener.
   */
  async _guard(namespace, run) {
    try {
      await run();
    } catch (error) {
      namespace._native.noteListenerFailure();
      this._fail(error, 'a listener failed; it remains registered');
    }
  }

  /** Reports an error that no caller waits for. */
  _fail(error, what) {
    if (this.listenerCount('error') > 0) {
      this.emit('error', error);
    } else {
      warn(`${what}: ${error?.stack ?? error}`);
    }
  }
}

if (Symbol.asyncDispose) {
  Client.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

function newClient(asked) {
  return checked(() => native.newClient(mailbox, asked));
}

/** The rules for reads, as members that each read uses. */
function mannerOf(rules) {
  return { rules, hasFallback: rules.hasFallback, isCounted: true, kept: rules.typedCache };
}

/** Waits until the subscriptions have delivered what was queued, for a limited time. */
async function drained(subscriptions) {
  const timer = new AbortController();
  const all = Promise.all(subscriptions.map((subscription) => subscription.ended));
  const late = sleep(native.DRAIN_MS, undefined, timer).catch(() => {});
  await Promise.race([all, late]);
  timer.abort();
}

module.exports = { Client };
