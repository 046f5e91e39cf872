"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Client = void 0;
// The client: opens namespaces, reports their errors, closes.
const node_events_1 = require("node:events");
const promises_1 = require("node:timers/promises");
const native_cjs_1 = require("./native.cjs");
const arguments_cjs_1 = require("./arguments.cjs");
const config_cjs_1 = require("./config.cjs");
const config_file_cjs_1 = require("./config-file.cjs");
const error_cjs_1 = require("./error.cjs");
const log_cjs_1 = require("./log.cjs");
const mailbox_cjs_1 = require("./mailbox.cjs");
const metrics_cjs_1 = require("./metrics.cjs");
const settings_cjs_1 = require("./settings.cjs");
const subscription_cjs_1 = require("./subscription.cjs");
const validator_cjs_1 = require("./validator.cjs");
/** A client. A process may have several; each exists until it is closed. */
class Client extends node_events_1.EventEmitter {
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
        this.#native = _make(settings_cjs_1.Settings._asked(settings, required));
        this.#manner = mannerOf(this.#native.rules);
        if (keepAlive) {
            (0, mailbox_cjs_1.hold)(this);
        }
    }
    /** Creates and starts a client; closes it if that fails. */
    static async start(settings, options = {}) {
        const { keepAlive, required, ...waiting } = options;
        const client = new Client(settings, { keepAlive, required });
        try {
            await client.start(waiting);
        }
        catch (error) {
            await client.close();
            throw error;
        }
        return client;
    }
    get appId() {
        return this.#native.appId;
    }
    /** Environment in upper case, such as `DEV`; `UNKNOWN` if it is unset. */
    get env() {
        return this.#native.env;
    }
    /** Whether `close` was called. */
    get closed() {
        return this.#closed;
    }
    /**
     * Opens the namespaces of `castalia.namespaces` and checks the start policy. The first `config` does the
     * same.
     */
    async start(options) {
        this._mustBeOpen('start');
        await (0, mailbox_cjs_1.wait)((number) => this.#native.start(number), options);
        this.#tellReady();
    }
    /**
     * Opens a namespace and waits for its first load. Under the default start policy a failed load is not an
     * error.
     */
    config(namespace, options) {
        return this.configOf(this.appId, namespace, options);
    }
    /** Opens a namespace of another app. */
    async configOf(appId, namespace, options) {
        const opened = await (0, mailbox_cjs_1.wait)((number) => this.#native.open(number, appId, namespace, false), options);
        return this.#adopt(opened, 'config', () => config_cjs_1.Config._of(this, opened));
    }
    /** Opens a namespace as one text. */
    async configFile(namespace, options) {
        const opened = await (0, mailbox_cjs_1.wait)((number) => this.#native.open(number, this.appId, namespace, true), options);
        return this.#adopt(opened, 'file', () => config_file_cjs_1.ConfigFile._of(this, opened));
    }
    /** Calls a function before a release of a namespace of the client's app is applied. */
    validate(namespace, validator) {
        this._mustBeOpen('validate');
        (0, arguments_cjs_1.callable)(validator, 'validate', 'the validator');
        const number = (0, mailbox_cjs_1.register)((question) => (0, validator_cjs_1.verdictOf)(validator, question, this.#manner));
        this.#validators.push(number);
        (0, error_cjs_1.checked)(() => this.#native.validate(number, namespace));
    }
    /** Signs requests for an app id with another secret from now on. A blank secret ends signing. */
    setAccessKey(appId, secret) {
        this._mustBeOpen('set access key');
        (0, error_cjs_1.checked)(() => this.#native.setAccessKey(appId, secret));
    }
    settings() {
        return (0, metrics_cjs_1.settingsOf)((0, error_cjs_1.checked)(() => this.#native.settings()));
    }
    metrics() {
        return (0, metrics_cjs_1.metricsOf)((0, error_cjs_1.checked)(() => this.#native.metrics()));
    }
    /** The metrics as OpenMetrics text. */
    metricsText() {
        return (0, error_cjs_1.checked)(() => this.#native.metricsText());
    }
    /**
     * Stops the client. Listeners have two seconds for their queued events. Reads still return the last values.
     * Calling it again only waits.
     */
    async close(options) {
        this.#closed = true;
        (0, mailbox_cjs_1.release)(this);
        // A listener may close its own client and await that; waiting for it here would deadlock.
        const busy = [...this.#followers.keys()].filter((one) => one instanceof subscription_cjs_1.Subscription && one !== this.#within);
        await (0, mailbox_cjs_1.wait)((number) => this.#native.close(number), options);
        await drained(busy);
        this.#followers.forEach((_, follower) => follower.retire());
        this.#validators.splice(0).forEach(mailbox_cjs_1.forget);
    }
    /**
     * Returns the object of this half for an opened namespace; each exists once until it is closed.
     */
    async #adopt(opened, kind, make) {
        const { appId, namespace } = opened.view.about;
        const name = `${kind} ${appId} ${namespace}`;
        if (this.#namespaces.has(name)) {
            opened.release();
        }
        else {
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
    /** @internal */
    get _manner() {
        return this.#manner;
    }
    /** @internal */
    _mustBeOpen(operation) {
        if (this.#closed) {
            const message = `Closed in ${operation}: the client is closed`;
            throw error_cjs_1.CastaliaError._of({ code: 'Closed', message, operation });
        }
    }
    /**
     * Tracks a subscription or an iterator until it ends.
     * @internal
     */
    _add(follower, namespace) {
        this.#followers.set(follower, namespace);
        follower.ended.then(() => this.#followers.delete(follower));
    }
    /**
     * Returns the open handles of a namespace: as values, as one text, or both.
     * @internal
     */
    _opened(namespace) {
        const bare = (name) => name.replace(/\.properties$/, '');
        return [...this.#namespaces.values()].filter((opened) => bare(opened.namespace) === bare(namespace));
    }
    /**
     * Called when a namespace is closed.
     * @internal
     */
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
    /**
     * Calls a listener, and records its subscription meanwhile.
     * @internal
     */
    _within(subscription, call) {
        this.#within = subscription;
        try {
            return call();
        }
        finally {
            this.#within = null;
        }
    }
    /**
     * Runs code that may fail in a listener: a failure is counted and reported, and affects no other
     * listener.
     * @internal
     */
    async _guard(namespace, run) {
        try {
            await run();
        }
        catch (error) {
            namespace._native.noteListenerFailure();
            this._fail(error, 'a listener failed; it remains registered');
        }
    }
    /**
     * Reports an error that no caller waits for.
     * @internal
     */
    _fail(error, what) {
        if (this.listenerCount('error') > 0) {
            this.emit('error', error);
        }
        else {
            (0, log_cjs_1.warn)(`${what}: ${error?.stack ?? error}`);
        }
    }
}
exports.Client = Client;
if (Symbol.asyncDispose) {
    Client.prototype[Symbol.asyncDispose] = function dispose() {
        return this.close();
    };
}
function newClient(asked) {
    return (0, error_cjs_1.checked)(() => native_cjs_1.native.newClient(mailbox_cjs_1.mailbox, asked));
}
/** The rules for reads, as members that each read uses. */
function mannerOf(rules) {
    return { rules, hasFallback: rules.hasFallback, isCounted: true, kept: rules.typedCache };
}
/** Waits until the subscriptions have delivered what was queued, for a limited time. */
async function drained(subscriptions) {
    const timer = new AbortController();
    const all = Promise.all(subscriptions.map((subscription) => subscription.ended));
    const late = (0, promises_1.setTimeout)(native_cjs_1.native.DRAIN_MS, undefined, timer).catch(() => { });
    await Promise.race([all, late]);
    timer.abort();
}
