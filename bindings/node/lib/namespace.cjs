// What configs and files share: an open namespace that keeps its own copy of the content current and tells of changes.
'use strict';

const { EventEmitter } = require('node:events');
const { CastaliaError, checked, errorOf } = require('./error.cjs');
const { ChangeEvent, changesOf } = require('./event.cjs');
const { Changes } = require('./changes.cjs');
const { Subscription } = require('./subscription.cjs');
const { wait } = require('./mailbox.cjs');

/** Names that begin with `_` are for the classes of this package. */
class Namespace extends EventEmitter {
  /** The native content that the copy was made of. */
  _view;
  _native;
  #client;
  #about;
  /** Ends when there is a first copy. */
  #opening;
  /** Ends when the copy is as new as it can be. */
  #renewal = Promise.resolve();
  /** The last event whose changes were copied, for those who listen to the same. */
  #copied = { name: '', changes: null };
  /** Functions that `on` was given, with their subscriptions. */
  #heard = [];

  constructor(client, native) {
    super();
    this.#client = client;
    this._native = native;
    this.#about = native.view.about;
  }

  get appId() {
    return this.#about.appId;
  }

  get cluster() {
    return this.#about.cluster;
  }

  get namespace() {
    return this.#about.namespace;
  }

  get state() {
    return this.#standing.state;
  }

  get source() {
    return this._newest.about.source;
  }

  get lastError() {
    return errorOf(this.#standing.lastError);
  }

  get _manner() {
    return this.#client._manner;
  }

  get #standing() {
    return checked(() => this._native.standing());
  }

  /** The native content now, the last one if this is closed. */
  get _newest() {
    return this._native.view ?? this._view;
  }

  async refresh(options) {
    await wait((number) => this._native.refresh(number), options);
    await this.#renew();
  }

  onChange(listener, filter) {
    this.#client._mustBeOpen('listen');
    if (typeof listener !== 'function') {
      const message = 'InvalidArgument in listen: the listener is not a function';
      throw new CastaliaError({ code: 'InvalidArgument', message, operation: 'listen' });
    }
    const deliver = async (native) => {
      const event = await this.#eventOf(native);
      if (subscription.active) {
        await this.#client._within(subscription, () => listener.call(this, event));
      }
    };
    const guarded = (native) => this.#client._guard(this, () => deliver(native));
    const subscription = new Subscription(this._native, filter, guarded);
    this.#client._add(subscription, this);
    return subscription;
  }

  changes(options) {
    this.#client._mustBeOpen('listen');
    const changes = new Changes(this._native, (native) => this.#eventOf(native), options);
    this.#client._add(changes, this);
    return changes;
  }

  close() {
    this.#client._forget(this);
    this._native.close();
  }

  on(name, listener, filter) {
    this.#hear(name, listener, filter);
    return super.on(name, listener);
  }

  prependListener(name, listener, filter) {
    this.#hear(name, listener, filter);
    return super.prependListener(name, listener);
  }

  once(name, listener, filter) {
    if (name !== 'change') {
      return super.once(name, listener);
    }
    const once = (...args) => {
      this.off(name, once);
      return listener.apply(this, args);
    };
    once.listener = listener;
    return this.on(name, once, filter);
  }

  removeListener(name, listener) {
    const at = this.#heard.findLastIndex(({ given }) => given === listener || given.listener === listener);
    if (name === 'change' && at >= 0) {
      const [{ subscription }] = this.#heard.splice(at, 1);
      subscription.cancel();
    }
    return super.removeListener(name, listener);
  }

  removeAllListeners(name) {
    if (name === undefined || name === 'change') {
      this.#heard.splice(0).forEach(({ subscription }) => subscription.cancel());
    }
    return super.removeAllListeners(name);
  }

  #hear(name, given, filter) {
    if (name === 'change') {
      this.#heard.push({ given, subscription: this.onChange(given, filter) });
    }
  }

  /** Makes the first copy, and keeps it current from then on; called again it waits for the same. */
  _follow() {
    this.#opening ??= this.#follow();
    return this.#opening;
  }

  async #follow() {
    const deliver = async (native) => {
      await this.#renew();
      if (this.#client.listenerCount('change') > 0) {
        const event = await this.#eventOf(native);
        this.#client._within(own, () => this.#client.emit('change', event, this));
      }
    };
    const guarded = (native) => this.#client._guard(this, () => deliver(native));
    const own = new Subscription(this._native, {}, guarded);
    this.#client._add(own, this);
    await this.#renew();
  }

  async #eventOf(native) {
    // Reads answer with the new content before anybody hears of it.
    await this.#renew();
    const fields = native.fields();
    return new ChangeEvent(fields, await this.#changesOf(native, fields), this._recall(native.view));
  }

  #changesOf(native, { sequence, coalesced }) {
    const name = `${sequence} ${coalesced}`;
    if (this.#copied.name !== name) {
      this.#copied = { name, changes: changesOf(native) };
    }
    return this.#copied.changes;
  }

  #renew() {
    const copy = () => this.#copy();
    this.#renewal = this.#renewal.then(copy, copy);
    return this.#renewal;
  }

  async #copy() {
    const view = this._newest;
    if (this._view?.is(view)) {
      return;
    }
    const copy = await this._copy(view);
    const before = this._view?.about.source;
    this._take(view, copy);
    const { source } = view.about;
    if (before !== undefined && before !== source) {
      this.#client._guard(this, () => this.#client.emit('source', source, this));
    }
  }
}

if (Symbol.dispose) {
  Namespace.prototype[Symbol.dispose] = Namespace.prototype.close;
}

Namespace.prototype.addListener = Namespace.prototype.on;
Namespace.prototype.off = Namespace.prototype.removeListener;
Namespace.prototype.prependOnceListener = Namespace.prototype.once;

module.exports = { Namespace };
