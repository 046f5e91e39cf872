// The client: opens namespaces, reports their errors, closes.
import { EventEmitter } from 'node:events';
import { native } from './native.cjs';
import { callable } from './arguments.cjs';
import { Config } from './config.cjs';
import { ConfigFile } from './config-file.cjs';
import type { Changes } from './changes.cjs';
import { CastaliaError, checked } from './error.cjs';
import type { ChangeEvent } from './event.cjs';
import { logByDefault, warn } from './log.cjs';
import { type WaitOptions, mailbox, register, forget, hold, release, wait } from './mailbox.cjs';
import { type Metrics, type Setting, metricsOf, settingsOf } from './metrics.cjs';
import type { Announced, Namespace } from './namespace.cjs';
import { type SettingValues, Settings } from './settings.cjs';
import { type Manner, type Source, aboutOf } from './snapshot.cjs';
import { Subscription, drained } from './subscription.cjs';
import { type Validator, verdictOf } from './validator.cjs';
import { Views } from './views.cjs';

export interface ClientOptions {
  /**
   * Whether the process stays alive until the client is closed. Otherwise it ends when there is nothing else
   * to do.
   */
  readonly keepAlive?: boolean;
  /**
   * Whether opening a namespace fails with `NotReady` if neither a server nor a cache file has it. Otherwise
   * the namespace is empty, which is reported by the `error` event and logged.
   */
  readonly required?: boolean;
}

interface ClientEvents {
  /** The start policy is met. */
  ready: () => unknown;
  /** An open namespace has changed. One that is open as a config and as a file emits this for each. */
  change: (event: ChangeEvent, namespace: Config | ConfigFile) => unknown;
  /** The values of an open namespace have another origin than before. */
  source: (source: Source, namespace: Config | ConfigFile) => unknown;
  /**
   * A failure that no caller waits for: of a listener, or of the first load of a namespace, once by `start` or the
   * first `config`, which is also logged. A failed listener is logged if this event has no listener.
   */
  error: (error: Error) => unknown;
}

type Follower = Subscription | Changes;
type Handler = (...args: any[]) => unknown;
type Make = (asked: object) => any;

/** A client. A process may have several; each exists until it is closed. */
export class Client extends EventEmitter {
  #native: any;
  /** What never changes, as the native half describes it. */
  #about: any;
  #manner: Manner;
  #closed = false;
  #ready = false;
  /** Whether the namespaces of `castalia.namespaces` were opened. */
  #started = false;
  #views: Views;
  /** Subscriptions and iterators that have not ended, with their namespaces. */
  #followers = new Map<Follower, Namespace>();
  #validators: number[] = [];
  /** The subscription whose listener is being called. */
  #within: Subscription | null = null;

  /**
   * Opens no socket. Without settings, those of the environment are used.
   * @throws {CastaliaError} `InvalidArgument`, with every fault of the settings at once
   */
  constructor(settings?: Settings | SettingValues, options?: ClientOptions);
  /** @internal */
  constructor(settings?: Settings | SettingValues, options?: ClientOptions & { _make?: Make });
  constructor(
    settings?: Settings | SettingValues,
    { keepAlive = false, required, _make = newClient }: ClientOptions & { _make?: Make } = {},
  ) {
    super();
    logByDefault();
    this.#native = _make(Settings._asked(settings, required));
    this.#about = this.#reported('about');
    this.#manner = mannerOf(this.#about);
    this.#views = new Views(this.appId);
    if (keepAlive) {
      hold(this);
    }
  }

  /** Creates and starts a client; closes it if that fails. */
  static async start(settings?: Settings | SettingValues, options: ClientOptions & WaitOptions = {}): Promise<Client> {
    const { keepAlive, required, ...waiting } = options;
    const client = new Client(settings, { keepAlive, required });
    try {
      await client.start(waiting);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  get appId(): string {
    return this.#about.app_id;
  }

  /** Environment in upper case, such as `DEV`; `UNKNOWN` if it is unset. */
  get env(): string {
    return this.#about.env;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Opens the namespaces of `castalia.namespaces`, unless they were closed before, and checks the start policy.
   * From then on their events are emitted, with a config that `config` returns, or that is closed when the
   * namespace is opened as a file, which emits them instead. The first `config` only loads the namespaces and
   * checks the policy.
   */
  async start(options?: WaitOptions): Promise<void> {
    this._mustBeOpen('start');
    await wait((number) => this.#native.start(number), options);
    if (!this.#started) {
      await Promise.all(this.#listed().map((name) => this.#begin(name, options)));
      // As in the native half, another start does not open again what was closed since.
      this.#started = true;
    }
    this.#tellReady();
  }

  /**
   * Opens a namespace and waits for its first load. Under the default start policy a failed load is not an
   * error.
   */
  config(namespace: string, options?: WaitOptions): Promise<Config> {
    return this.configOf(this.appId, namespace, options);
  }

  /** Opens a namespace of another app. */
  async configOf(appId: string, namespace: string, options?: WaitOptions): Promise<Config> {
    const opened = await wait((number) => this.#native.open(number, appId, namespace, false), options);
    return this.#adopt(opened, 'config', () => Config._of(this, opened));
  }

  /** Opens a namespace as one text. */
  async configFile(namespace: string, options?: WaitOptions): Promise<ConfigFile> {
    const opened = await wait((number) => this.#native.open(number, this.appId, namespace, true), options);
    return this.#adopt(opened, 'file', () => ConfigFile._of(this, opened));
  }

  /** Calls a function before a release of a namespace of the client's app is applied. */
  validate(namespace: string, validator: Validator): void {
    this._mustBeOpen('validate');
    callable(validator, 'validate', 'the validator');
    const number = register((release) => verdictOf(validator, release, this.#manner));
    this.#validators.push(number);
    checked(() => this.#native.validate(number, namespace));
  }

  /** Signs requests for an app id with another secret from now on. A blank secret ends signing. */
  setAccessKey(appId: string, secret: string): void {
    this._mustBeOpen('set access key');
    checked(() => this.#native.setAccessKey(appId, secret));
  }

  settings(): Setting[] {
    return settingsOf(this.#reported('settings'));
  }

  metrics(): Metrics {
    return metricsOf(this.#reported('metrics'));
  }

  /** The metrics as OpenMetrics text. */
  metricsText(): string {
    return this.#reported('metrics_text');
  }

  /**
   * Stops the client. Listeners have two seconds for their queued events. Reads still return the last values.
   * Calling it again only waits.
   */
  async close(options?: WaitOptions): Promise<void> {
    this.#closed = true;
    release(this);
    // A listener may close its own client and await that; waiting for it here would deadlock.
    const busy = [...this.#followers.keys()].filter((one) => one instanceof Subscription && one !== this.#within);
    await wait((number) => this.#native.close(number), options);
    await drained(busy, this.#about.drain_ms);
    this.#followers.forEach((_, follower) => follower.retire());
    this.#validators.splice(0).forEach(forget);
  }

  /** Opens a namespace of `castalia.namespaces` for its events, unless a caller has opened or closed it. */
  async #begin(name: string, options?: WaitOptions): Promise<void> {
    if (this.#views.isKnown(name)) {
      return;
    }
    const opened = await wait((number) => this.#native.open(number, this.appId, name, false), options);
    const { app_id: appId, namespace } = aboutOf(opened.view);
    if (this.#views.isKnown(namespace)) {
      opened.close();
      return;
    }
    const [config] = this.#views.adopt('config', appId, namespace, () => Config._of(this, opened));
    this.#views.begin(config);
    await this.#tellFirst(config);
  }

  /**
   * Returns the object of this half for an opened namespace; each exists once until it is closed.
   */
  async #adopt<V extends Namespace>(opened: any, kind: string, make: () => V): Promise<V> {
    const { app_id: appId, namespace } = aboutOf(opened.view);
    const [adopted, isNew] = this.#views.adopt(kind, appId, namespace, make);
    if (!isNew) {
      opened.release();
    }
    const begun = this.#views.claim(adopted);
    // Before the other one ends, so that each change is among the events of at least one of them.
    await adopted._follow(begun && (() => this.#replace(begun, adopted)));
    await this.#tellFirst(adopted, isNew && !begun);
    return adopted;
  }

  /** Ends a view that a start has opened, after its events; returns what the next one does not announce again. */
  async #replace(begun: Namespace, adopted: Namespace): Promise<Announced> {
    await begun._catchUp();
    if (this.#views.replace(begun)) {
      this.#end(begun);
      begun._native.release();
    }
    // With `castalia.java-compat` both names of a namespace are open, each with its own sequence.
    return { ...(begun.namespace === adopted.namespace ? begun : adopted)._announced };
  }

  /** Reports that the client is ready, and why a namespace is not. */
  async #tellFirst(opened: Namespace, isNew = true): Promise<void> {
    await opened._follow();
    this.#tellReady();
    const { lastError } = opened;
    if (isNew && lastError) {
      this._fail(lastError);
    }
  }

  /** A report of the native half, by its name. */
  #reported(name: string): any {
    return JSON.parse(checked(() => this.#native.report(name)));
  }

  /** The names of `castalia.namespaces`. */
  #listed(): string[] {
    const names = this.settings().find(({ name }) => name === 'castalia.namespaces')?.value ?? '';
    return names
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
  }

  #tellReady(): void {
    if (!this.#ready) {
      this.#ready = true;
      this.emit('ready');
    }
  }

  /** @internal */
  get _manner(): Manner {
    return this.#manner;
  }

  /** @internal */
  _mustBeOpen(operation: string): void {
    if (this.#closed) {
      const message = `Closed in ${operation}: the client is closed`;
      throw CastaliaError._of({ code: 'Closed', message, operation });
    }
  }

  /**
   * Tracks a subscription or an iterator until it ends.
   * @internal
   */
  _add(follower: Follower, namespace: Namespace): void {
    this.#followers.set(follower, namespace);
    follower.ended.then(() => this.#followers.delete(follower));
  }

  /**
   * Waits until reads of a namespace, as values and as one text, return the current native view, and its
   * listeners were called for the changes until then.
   * @internal
   */
  async _called(namespace: string): Promise<void> {
    const opened = this.#views.named(namespace);
    await Promise.all(opened.map((one) => one._catchUp()));
    const listening = [...this.#followers].filter(([, followed]) => opened.includes(followed));
    await Promise.all(listening.map(([follower]) => follower instanceof Subscription && follower._called()));
  }

  /**
   * Called when a namespace is closed.
   * @internal
   */
  _forget(namespace: Namespace): void {
    this.#views.leave(namespace);
    this.#end(namespace);
  }

  /** Ends the events of a namespace. */
  #end(namespace: Namespace): void {
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
  _within<T>(subscription: Subscription, call: () => T): T {
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
   * @internal
   */
  async _guard(namespace: { _native: any }, run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      namespace._native.noteListenerFailure();
      this._fail(error, 'a listener failed; it remains registered');
    }
  }

  /**
   * Calls each listener of an event of a namespace, as if there were no others. None is waited for.
   * @internal
   */
  _announce(name: 'change' | 'source', namespace: { _native: any }, call: (listener: Handler) => unknown): void {
    // Raw ones, because those of `once` remove themselves.
    for (const listener of this.rawListeners(name) as Handler[]) {
      this._guard(namespace, () => call(listener));
    }
  }

  /**
   * Reports an error that no caller waits for; never throws. Without `what`, the native half has logged it.
   * @internal
   */
  _fail(error: any, what?: string): void {
    try {
      this.#report(error, what);
    } catch (thrown) {
      // Callers deliver events or answer calls, which a listener of `error` must not disturb. As for
      // any listener of Node, what it throws is an uncaught exception.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  }

  #report(error: any, what?: string): void {
    if (this.listenerCount('error') > 0) {
      this.emit('error', error);
    } else if (what) {
      warn(`${what}: ${error?.stack ?? error}`);
    }
  }
}

export interface Client {
  [Symbol.asyncDispose](): Promise<void>;
  on<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  once<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
  off<E extends keyof ClientEvents>(name: E, listener: ClientEvents[E]): this;
}

if (Symbol.asyncDispose) {
  Client.prototype[Symbol.asyncDispose] = function dispose() {
    return this.close();
  };
}

function newClient(asked: object): any {
  return checked(() => native.newClient(mailbox, asked));
}

/** How values are read, as members that each read uses. */
function mannerOf({ fallback, typed_cache: kept }: any): Manner {
  return { hasFallback: Object.keys(fallback).length > 0, isCounted: true, kept };
}
