// The changes of a namespace as an async iterator. Events that have not been requested wait in the
// native half, which merges them once its buffer is full.
import { register, forget } from './mailbox.cjs';
import { type Open, streamOf } from './subscription.cjs';
import type { ChangeEvent } from './event.cjs';

type EventOf = (native: any) => Promise<ChangeEvent>;
type Next = IteratorResult<ChangeEvent, undefined>;

export class Changes {
  #number: number;
  #stream: any;
  #eventOf: EventOf;
  #signal: AbortSignal | undefined;
  #ended: Promise<void>;
  #end!: () => void;
  /** Resumes the `next` call that waits for an event. */
  #goOn: (value?: unknown) => void = () => {};
  /** Ends the iteration; events that still wait are dropped. */
  cancel = () => {
    this.#stream.close();
    this.retire();
  };
  /** Serializes calls of `next`. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param eventOf converts a native event
   */
  constructor(open: Open, eventOf: EventOf, signal?: AbortSignal) {
    signal?.throwIfAborted();
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#eventOf = eventOf;
    this.#number = register(() => this.#goOn());
    this.#stream = streamOf(open, this.#number);
    this.#signal = signal;
    signal?.addEventListener('abort', this.cancel);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Next> {
    const answer = this.#last.then(() => this.#next());
    this.#last = answer.catch(() => {});
    return answer;
  }

  async return(value?: any): Promise<Next> {
    this.cancel();
    return { done: true, value };
  }

  /** Resolves when no new event will arrive. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /**
   * Called when the client has closed: no new event will arrive, but those that wait can still be
   * read.
   */
  retire(): void {
    forget(this.#number);
    this.#end();
    this.#signal?.removeEventListener('abort', this.cancel);
    this.#goOn();
  }

  async #next(): Promise<Next> {
    for (;;) {
      this.#signal?.throwIfAborted();
      const event = this.#stream.take();
      if (event) {
        return { done: false, value: await this.#eventOf(event) };
      }
      if (this.#stream.ended) {
        this.retire();
        return { done: true, value: undefined };
      }
      await new Promise((resolve) => {
        this.#goOn = resolve;
      });
    }
  }
}

export interface Changes {
  [Symbol.asyncDispose](): Promise<void>;
}

if (Symbol.asyncDispose) {
  Changes.prototype[Symbol.asyncDispose] = Changes.prototype.return as any;
}
