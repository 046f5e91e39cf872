// A registered listener: takes events from the native half one by one, the next only after the last
// was handled.
import { setTimeout as sleep } from 'node:timers/promises';
import { checked } from './error.cjs';
import { register, forget } from './mailbox.cjs';

/** Opens a native stream; takes the number of the handler to notify. */
export type Open = (number: number) => any;

/** A registered listener. */
export class Subscription {
  #number: number;
  #stream: any;
  #deliver: (native: any) => Promise<void>;
  #ended: Promise<void>;
  #end!: () => void;
  #delivering = false;
  #delivered: Promise<void> = Promise.resolve();
  /** Whether the promise of a listener is awaited. */
  #awaiting = false;
  /** Resolves the promises of `_called`. */
  #callers: (() => void)[] = [];

  private constructor(open: Open, deliver: (native: any) => Promise<void>) {
    this.#deliver = deliver;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#number = register(() => this.pump());
    this.#stream = streamOf(open, this.#number);
  }

  /**
   * Delivers nothing before the first `pump`.
   *
   * @internal
   * @param deliver handles a native event; its promise is awaited and never rejects
   */
  static _of(open: Open, deliver: (native: any) => Promise<void>): Subscription {
    return new Subscription(open, deliver);
  }

  /** Ends it: no call will start. */
  cancel(): void {
    this.#stream.close();
    this.#finish();
  }

  /**
   * Whether neither the subscription was cancelled nor its client closed.
   * @internal
   */
  get active(): boolean {
    return !this.#stream.ended;
  }

  /**
   * Resolves when nothing more will be delivered.
   * @internal
   */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Called when the client has closed and the time for queued events is over.
   * @internal
   */
  retire(): void {
    this.cancel();
  }

  /** @internal */
  get _stream(): any {
    return this.#stream;
  }

  /**
   * Delivers the events that wait; resolves when that is done. A stream that was found empty
   * notifies its handler of the next event.
   * @internal
   */
  pump(): Promise<void> {
    if (!this.#delivering) {
      this.#delivered = this.#deliverAll();
    }
    return this.#delivered;
  }

  /**
   * Delivers the events that wait; resolves when the listener was called for them, or returned a promise. That
   * is not waited for, because the caller may be this listener.
   * @internal
   */
  _called(): Promise<void> {
    this.pump();
    if (!this.#delivering || this.#awaiting) {
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#callers.push(resolve));
  }

  /**
   * Waits for what the listener returned.
   * @internal
   */
  async _settled(returned: unknown): Promise<void> {
    if (typeof (returned as PromiseLike<unknown> | null | undefined)?.then !== 'function') {
      return;
    }
    this.#awaiting = true;
    this.#resumeCallers();
    try {
      await returned;
    } finally {
      this.#awaiting = false;
    }
  }

  #resumeCallers(): void {
    this.#callers.splice(0).forEach((resume) => resume());
  }

  async #deliverAll(): Promise<void> {
    this.#delivering = true;
    try {
      for (let event = this.#stream.take(); event; event = this.#stream.take()) {
        await this.#deliver(event);
      }
    } finally {
      // In the same step as the last `take`, so that a later `pump` takes again.
      this.#delivering = false;
      this.#resumeCallers();
    }
    if (this.#stream.ended) {
      this.#finish();
    }
  }

  #finish(): void {
    forget(this.#number);
    this.#end();
  }
}

export interface Subscription {
  [Symbol.dispose](): void;
}

if (Symbol.dispose) {
  Subscription.prototype[Symbol.dispose] = Subscription.prototype.cancel;
}

/** Opens the native stream for the handler with this number. */
export function streamOf(open: Open, number: number): any {
  try {
    return checked(() => open(number));
  } catch (error) {
    forget(number);
    throw error;
  }
}

/** Waits until the subscriptions have delivered what was queued, at most this long. */
export async function drained(subscriptions: { ended: Promise<void> }[], millis: number): Promise<void> {
  const timer = new AbortController();
  const all = Promise.all(subscriptions.map((subscription) => subscription.ended));
  const late = sleep(millis, undefined, timer).catch(() => {});
  await Promise.race([all, late]);
  timer.abort();
}
