"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Namespace = void 0;
// What configs and files share: an open namespace that keeps its own copy of the values current and
// announces changes. The copy follows one native stream, and every listener starts at the position
// of the copy, so that reads and events have one order.
const node_events_1 = require("node:events");
const arguments_cjs_1 = require("./arguments.cjs");
const error_cjs_1 = require("./error.cjs");
const event_cjs_1 = require("./event.cjs");
const changes_cjs_1 = require("./changes.cjs");
const subscription_cjs_1 = require("./subscription.cjs");
const mailbox_cjs_1 = require("./mailbox.cjs");
/** An open namespace. */
class Namespace extends node_events_1.EventEmitter {
    /**
     * The native view that the copy was made of; `_copy` is the copy.
     * @internal
     */
    _view;
    /** @internal */
    _copy;
    /** @internal */
    _native;
    #client;
    #about;
    /** Resolves when the first copy exists. */
    #opening;
    /** Applies the events to the copy. */
    #own;
    /** The last event whose changes were copied, shared by all listeners of that event. */
    #copied = { name: '', changes: null };
    /** Functions that were registered by `on`, with their subscriptions. */
    #heard = [];
    /** @internal */
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
    /** Error of the last load; `null` if it succeeded. */
    get lastError() {
        return (0, error_cjs_1.errorOf)(this.#standing.lastError);
    }
    /** @internal */
    get _manner() {
        return this.#client._manner;
    }
    get #standing() {
        return (0, error_cjs_1.checked)(() => this._native.standing());
    }
    /**
     * The current native view; the last one if this is closed.
     * @internal
     */
    get _newest() {
        return this._native.view ?? this._view;
    }
    /** Loads now. */
    async refresh(options) {
        await (0, mailbox_cjs_1.wait)((number) => this._native.refresh(number), options);
        await this._catchUp();
    }
    /**
     * Calls a function for each change that it is interested in: in order, one call at a time, after reads
     * return the new values.
     */
    onChange(listener, filter) {
        this.#client._mustBeOpen('listen');
        (0, arguments_cjs_1.callable)(listener, 'listen', 'the listener');
        const deliver = async (native) => {
            const event = await this.#eventOf(native);
            if (subscription.active) {
                await this.#client._within(subscription, () => listener.call(this, event));
            }
        };
        const guarded = (native) => this.#client._guard(this, () => deliver(native));
        const subscription = subscription_cjs_1.Subscription._of(this.#changesOf(filter), guarded);
        this.#client._add(subscription, this);
        subscription.pump();
        return subscription;
    }
    /**
     * The changes from now on; they end when this or the client is closed. A reader that falls behind loses
     * intermediate steps, but no change.
     */
    changes(options = {}) {
        const { signal, ...filter } = options;
        this.#client._mustBeOpen('listen');
        const changes = new changes_cjs_1.Changes(this.#changesOf(filter), (native) => this.#eventOf(native), signal);
        this.#client._add(changes, this);
        return changes;
    }
    /**
     * Closes the namespace: its listeners are not called any more, and unless another handle of it is open it
     * is no longer refreshed. Reads still return the last values; other calls fail with `Closed`. The client
     * opens it again as another object.
     */
    close() {
        this.#client._forget(this);
        this._native.close();
    }
    on(name, listener, filter) {
        this.#hear(name, listener, filter);
        return super.on(name, listener);
    }
    /** @internal */
    prependListener(name, listener, filter) {
        this.#hear(name, listener, filter);
        return super.prependListener(name, listener);
    }
    once(name, listener, filter) {
        if (name !== 'change') {
            return super.once(name, listener);
        }
        const once = (event) => {
            this.off(name, once);
            return listener.call(this, event);
        };
        once.listener = listener;
        return this.on(name, once, filter);
    }
    /** @internal */
    removeListener(name, listener) {
        const at = this.#heard.findLastIndex(({ given }) => given === listener || given.listener === listener);
        if (name === 'change' && at >= 0) {
            const [{ subscription }] = this.#heard.splice(at, 1);
            subscription.cancel();
        }
        return super.removeListener(name, listener);
    }
    /** @internal */
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
    /**
     * Makes the first copy and keeps it current from then on; later calls wait for the same promise.
     * @internal
     */
    _follow() {
        this.#opening ??= this.#follow();
        return this.#opening;
    }
    async #follow() {
        const deliver = async (native) => {
            await this.#apply(native.view);
            if (this.#client.listenerCount('change') > 0) {
                const event = await this.#made(native);
                this.#client._within(own, () => this.#client.emit('change', event, this));
            }
        };
        const guarded = (native) => this.#client._guard(this, () => deliver(native));
        const own = subscription_cjs_1.Subscription._of((number) => this._native.follow(number), guarded, (stream) => stream.takeToApply());
        this.#own = own;
        this.#client._add(own, this);
        await this.#apply(own._stream.begun());
        own.pump();
    }
    /** Makes reads return a new view. */
    async #apply(view) {
        const copy = await this._copied(view);
        // One step without an await: a listener that was registered before it receives this change, one
        // registered after it does not.
        this.#own._stream.applied();
        this.#replace(view, copy);
    }
    #replace(view, copy) {
        const before = this._view?.about.source;
        this._view = view;
        this._copy = copy;
        this._take();
        const { source } = view.about;
        if (before !== undefined && before !== source) {
            this.#client._guard(this, () => this.#client.emit('source', source, this));
        }
    }
    /**
     * Waits until reads return the current native view.
     * @internal
     */
    async _catchUp() {
        await this.#own.pump();
        this._settle();
    }
    /**
     * Adopts a release that changed nothing but its key, which is not announced by an event.
     * @internal
     */
    _settle() {
        const view = this._newest;
        if (!view.is(this._view) && view.equals(this._view)) {
            this.#replace(view, this._copy);
        }
    }
    /**
     * Returns a function that opens a native stream of the changes after the values that reads return
     * now.
     */
    #changesOf(filter) {
        const { keys, prefixes } = (0, arguments_cjs_1.interestOf)(filter);
        return (number) => this._native.changesAfter(number, keys, prefixes, this.#own._stream);
    }
    async #eventOf(native) {
        // Reads must return the new values before a listener is called.
        await this.#own.pump();
        return this.#made(native);
    }
    async #made(native) {
        const fields = native.fields();
        return event_cjs_1.ChangeEvent._of(fields, await this.#copiedChanges(native, fields), this._recall(native.view));
    }
    #copiedChanges(native, { sequence, coalesced }) {
        const name = `${sequence} ${coalesced}`;
        if (this.#copied.name !== name) {
            this.#copied = { name, changes: (0, event_cjs_1.changesOf)(native) };
        }
        return this.#copied.changes;
    }
}
exports.Namespace = Namespace;
if (Symbol.dispose) {
    Namespace.prototype[Symbol.dispose] = Namespace.prototype.close;
}
Namespace.prototype.addListener = Namespace.prototype.on;
Namespace.prototype.off = Namespace.prototype.removeListener;
Namespace.prototype.prependOnceListener = Namespace.prototype.once;
