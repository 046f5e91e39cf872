// The way to the configuration of an app: opens namespaces, tells what befell them, closes.
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
const { metricsOf } = require('./metrics.cjs');
const { Settings } = require('./settings.cjs');
const { Subscription } = require('./subscription.cjs');
const { verdictOf } = require('./validator.cjs');

/** Milliseconds that listeners have for what is queued when the client is closed. */
const DRAIN = 2000;

/** Names that begin with `_` are for the classes of this package. */
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
  /** The subscription whose listener runs at this moment. */
  #within = null;

  constructor(settings, { keepAlive = false, required, _make = newClient } = {}) {
    super();
    this.#native = _make(Settings._asked(settings, required));
    this.#manner = mannerOf(this.settings(), this.#native.rules);
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
    const opened = await wait((number) => this.#native.open(number, appId, namespace), options);
    return this.#adopt(opened, 'config', () => new Config(this, opened));
  }

  async configFile(namespace, options) {
    const opened = await wait((number) => this.#native.openFile(number, namespace), options);
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
    return checked(() => this.#native.settings());
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
    // A listener that waits for the end of its own client must not be waited for.
    const busy = [...this.#followers.keys()].filter((one) => one instanceof Subscription && one !== this.#within);
    await wait((number) => this.#native.close(number), options);
    await drained(busy);
    this.#followers.forEach((_, follower) => follower.retire());
    this.#validators.splice(0).forEach(forget);
  }

  /** The namespace of this side for what was opened; each exists once until it is closed. */
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
      const instead =
        adopted.source === 'none' ? 'reads return their defaults' : `it has its ${adopted.source} content`;
      this._fail(lastError, `no server has answered with the namespace ${namespace}; until one does, ${instead}`);
    }
    return adopted;
  }

  #tellReady() {
    if (!this.#ready) {
      this.#ready = true;
      this.emit('ready');
    }
  }

  /** How values are read. */
  get _manner() {
    return this.#manner;
  }

  _mustBeOpen(operation) {
    if (this.#closed) {
      const message = `Closed in ${operation}: the client is closed`;
      throw new CastaliaError({ code: 'Closed', message, operation });
    }
  }

  /** Keeps what follows changes of a namespace until it ends. */
  _add(follower, namespace) {
    this.#followers.set(follower, namespace);
    follower.ended.then(() => this.#followers.delete(follower));
  }

  /** What is open of a namespace, as values and as one text. */
  _opened(namespace) {
    const bare = (name) => name.replace(/\.properties$/, '');
    return [...this.#namespaces.values()].filter((opened) => bare(opened.namespace) === bare(namespace));
  }

  /** A namespace is closed. */
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

  /** Calls a listener of a subscription. */
  _within(subscription, call) {
    this.#within = subscription;
    try {
      return call();
    } finally {
      this.#within = null;
    }
  }

  /** Runs what may fail in a listener of a namespace: a failure is counted and told, and disturbs nobody. */
  async _guard(namespace, run) {
    try {
      await run();
    } catch (error) {
      namespace._native.noteListenerFailure();
      this._fail(error, 'a listener failed; it remains registered');
    }
  }

  /** Tells of an error that nobody waits for. */
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

/** How values are read: the rules of the native half, and what this half must know of the settings. */
function mannerOf(settings, rules) {
  const valueOf = (asked) => settings.find(({ name }) => name === asked).value;
  const asks = (flag) => [flag, 'castalia.java-compat'].some((name) => valueOf(name) === 'true');
  return {
    rules,
    looksBeyond: asks('castalia.env-fallback'),
    kept: Number(valueOf('apollo.configCacheSize')),
  };
}

/** Waits until these have delivered what was queued, but not for ever. */
async function drained(subscriptions) {
  const timer = new AbortController();
  const all = Promise.all(subscriptions.map((subscription) => subscription.ended));
  const late = sleep(DRAIN, undefined, timer).catch(() => {});
  await Promise.race([all, late]);
  timer.abort();
}

module.exports = { Client };
