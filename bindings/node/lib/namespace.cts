// What configs and files share: an open namespace that keeps its own copy of the values current and
// announces changes. The copy follows one native stream, and every listener starts at the position
// of the copy, so that reads and events have one order.
import { EventEmitter } from 'node:events';
import { type Filter, callable, interestOf } from './arguments.cjs';
import type { Client } from './client.cjs';
import { type CastaliaError, checked, errorOf } from './error.cjs';
import { ChangeEvent, type ChangeListener, type Changed, changesOf } from './event.cjs';
import { Changes } from './changes.cjs';
import type { State } from './metrics.cjs';
import { native as half } from './native.cjs';
import { type Manner, type Snapshot, type Source, aboutOf } from './snapshot.cjs';
import { type Open, Subscription } from './subscription.cjs';
import { type WaitOptions, wait } from './mailbox.cjs';

type Handler = (...args: any[]) => unknown;

/** The last change and the source that a client has announced for a namespace. */
export interface Announced {
  sequence: number;
  source: Source | undefined;
}

/** An open namespace. */
export abstract class Namespace extends EventEmitter {
  /**
   * The native view that the copy was made of; `_copy` is the copy.
   * @internal
   */
  _view: any;
  /** @internal */
  _copy: any;
  /** @internal */
  _native: any;
  /**
   * Called when reads return a snapshot that no event announces.
   * @internal
   */
  readonly _unannounced = new Set<() => unknown>();
  /** @internal */
  _announced: Announced = { sequence: 0, source: undefined };
  #client: Client;
  #about: any;
  /** Resolves when the first copy exists. */
  #opening: Promise<void> | undefined;
  /** Applies events, and snapshots that none announces, to the copy. */
  #own!: Subscription;
  /** The last event whose changes were copied, shared by all listeners of that event. */
  #copied: { sequence: number; changes: Promise<Changed> | null } = { sequence: 0, changes: null };
  /** Functions that were registered by `on`, with their subscriptions. */
  #heard: { given: Handler & { listener?: Handler }; subscription: Subscription }[] = [];

  /** @internal */
  protected constructor(client: Client, native: any) {
    super();
    this.#client = client;
    this._native = native;
    this.#about = aboutOf(native.view);
  }

  get appId(): string {
    return this.#about.app_id;
  }

  get cluster(): string {
    return this.#about.cluster;
  }

  get namespace(): string {
    return this.#about.namespace;
  }

  get state(): State {
    return this.#standing.state;
  }

  get source(): Source {
    return aboutOf(this._native.view ?? this._view).source;
  }

  /** Error of the last load; `null` if it succeeded. */
  get lastError(): CastaliaError | null {
    const { last_error: error } = this.#standing;
    return error && errorOf(error);
  }

  /** @internal */
  get _manner(): Manner {
    return this.#client._manner;
  }

  get #standing(): any {
    return JSON.parse(checked(() => this._native.standing()));
  }

  /** The current values; they never change. */
  abstract snapshot(): Snapshot;

  /**
   * Copies what reads use from a view.
   * @internal
   */
  abstract _copied(view: any): Promise<unknown>;

  /**
   * Makes reads use the copy.
   * @internal
   */
  abstract _take(): void;

  /**
   * Returns a function that makes the snapshot of a view when it is first asked for.
   * @internal
   */
  abstract _recall(view: any): () => Snapshot;

  /** Loads now. */
  async refresh(options?: WaitOptions): Promise<void> {
    await wait((number) => this._native.refresh(number), options);
    await this._catchUp();
  }

  /**
   * Calls a function for each change that it is interested in: in order, one call at a time, after reads
   * return the new values.
   */
  onChange(listener: ChangeListener, filter?: Filter): Subscription {
    this.#client._mustBeOpen('listen');
    callable(listener, 'listen', 'the listener');
    const deliver = async (native: any) => {
      const event = await this.#eventOf(native);
      if (subscription.active) {
        await subscription._settled(this.#client._within(subscription, () => listener.call(this, event)));
      }
    };
    const guarded = (native: any) => this.#client._guard(this, () => deliver(native));
    const subscription: Subscription = Subscription._of(this.#changesOf(filter), guarded);
    this.#client._add(subscription, this);
    subscription.pump();
    return subscription;
  }

  /**
   * The changes from now on; they end when this or the client is closed. A reader that falls behind loses
   * intermediate steps, but no change.
   */
  changes(options: Filter & WaitOptions = {}): AsyncIterableIterator<ChangeEvent> & AsyncDisposable {
    const { signal, ...filter } = options;
    this.#client._mustBeOpen('listen');
    const changes = new Changes(this.#changesOf(filter), (native) => this.#eventOf(native), signal);
    this.#client._add(changes, this);
    return changes;
  }

  /**
   * Closes the namespace: its listeners are not called any more, and unless another handle of it is open it
   * is no longer refreshed. Reads still return the last values; other calls fail with `Closed`. The client
   * opens it again as another object.
   */
  close(): void {
    this.#client._forget(this);
    this._native.close();
  }

  on(name: 'change', listener: ChangeListener, filter?: Filter): this {
    this.#hear(name, listener, filter);
    return super.on(name, listener);
  }

  /** @internal */
  prependListener(name: string, listener: Handler, filter?: Filter): this {
    this.#hear(name, listener, filter);
    return super.prependListener(name, listener);
  }

  once(name: 'change', listener: ChangeListener, filter?: Filter): this {
    if (name !== 'change') {
      return super.once(name, listener);
    }
    const once = (event: ChangeEvent) => {
      this.off(name, once);
      return listener.call(this, event);
    };
    once.listener = listener;
    return this.on(name, once, filter);
  }

  /** @internal */
  removeListener(name: string, listener: Handler): this {
    const at = this.#heard.findLastIndex(({ given }) => given === listener || given.listener === listener);
    if (name === 'change' && at >= 0) {
      const [{ subscription }] = this.#heard.splice(at, 1);
      subscription.cancel();
    }
    return super.removeListener(name, listener);
  }

  /** @internal */
  removeAllListeners(name?: string): this {
    if (name === undefined || name === 'change') {
      this.#heard.splice(0).forEach(({ subscription }) => subscription.cancel());
    }
    return super.removeAllListeners(name);
  }

  #hear(name: string, given: Handler, filter?: Filter): void {
    if (name === 'change') {
      this.#heard.push({ given, subscription: this.onChange(given, filter) });
    }
  }

  /**
   * Makes the first copy and keeps it current from then on; later calls wait for the same promise.
   * @internal
   * @param replace ends the view that this one replaces; what it returns is not announced again
   */
  _follow(replace?: () => Promise<Announced>): Promise<void> {
    this.#opening ??= this.#follow(replace);
    return this.#opening;
  }

  async #follow(replace?: () => Promise<Announced>): Promise<void> {
    const client = this.#client;
    const deliver = async (native: any) => {
      if (native instanceof half.View) {
        await this.#apply(native);
        this._unannounced.forEach((call) => call());
        return;
      }
      const { sequence } = aboutOf(native);
      const isNew = sequence > this._announced.sequence;
      this._announced.sequence = Math.max(sequence, this._announced.sequence);
      await this.#apply(native.view, isNew);
      if (isNew && client.listenerCount('change') > 0) {
        const event = await this.#made(native);
        client._announce('change', this, (listener) => client._within(own, () => listener.call(client, event, this)));
      }
    };
    const guarded = (native: any) => client._guard(this, () => deliver(native));
    const own: Subscription = Subscription._of((number) => this._native.follow(number), guarded);
    this.#own = own;
    client._add(own, this);
    await this.#apply(own._stream.begun);
    if (replace) {
      this._announced = await replace();
    }
    own.pump();
  }

  /** Makes reads return a new view. */
  async #apply(view: any, announces = true): Promise<void> {
    const copy = await this._copied(view);
    // One step without an await: a listener that was registered before it receives this change, one
    // registered after it does not.
    this.#own._stream.applied();
    this._view = view;
    this._copy = copy;
    this._take();
    if (announces) {
      this.#announceSource(aboutOf(view).source);
    }
  }

  #announceSource(source: Source): void {
    const before = this._announced.source;
    this._announced.source = source;
    if (before !== undefined && before !== source) {
      const client = this.#client;
      client._announce('source', this, (listener) => listener.call(client, source, this));
    }
  }

  /**
   * Waits until reads return the current native view.
   * @internal
   */
  async _catchUp(): Promise<void> {
    // The first copy is the oldest, so nothing is applied before it.
    await this.#opening;
    await this.#own.pump();
  }

  /**
   * Returns a function that opens a native stream of the changes after the values that reads return
   * now.
   */
  #changesOf(filter?: Filter): Open {
    const { keys, prefixes } = interestOf(filter);
    return (number: number) => this._native.changesAfter(number, keys, prefixes, this.#own._stream);
  }

  async #eventOf(native: any): Promise<ChangeEvent> {
    // Reads must return the new values before a listener is called.
    await this.#own.pump();
    return this.#made(native);
  }

  async #made(native: any): Promise<ChangeEvent> {
    const about = aboutOf(native);
    return ChangeEvent._of(about, await this.#copiedChanges(native, about), this._recall(native.view));
  }

  #copiedChanges(native: any, { sequence, coalesced, size }: any): Promise<Changed> {
    // Each listener has its own merged events: with another filter, others were merged.
    if (coalesced > 0) {
      return changesOf(native, size);
    }
    if (this.#copied.sequence !== sequence) {
      this.#copied = { sequence, changes: changesOf(native, size) };
    }
    return this.#copied.changes as Promise<Changed>;
  }
}

export interface Namespace {
  [Symbol.dispose](): void;
  off(name: 'change', listener: ChangeListener): this;
}

if (Symbol.dispose) {
  Namespace.prototype[Symbol.dispose] = Namespace.prototype.close;
}

Namespace.prototype.addListener = Namespace.prototype.on;
Namespace.prototype.off = Namespace.prototype.removeListener;
Namespace.prototype.prependOnceListener = Namespace.prototype.once;
