// The changes of a namespace as an async iterator. What nobody asks for yet waits in the native half, where it is merged if need be.
'use strict';

const { register, forget } = require('./mailbox.cjs');
const { streamOf } = require('./subscription.cjs');

class Changes {
  #number;
  #stream;
  #eventOf;
  #signal;
  #ended;
  #end;
  /** Continues the call that waits for an event. */
  #goOn = () => {};
  /** Ends it: what waits is not taken any more. */
  cancel = () => {
    this.#stream.close();
    this.retire();
  };
  /** Calls are answered one after the other. */
  #last = Promise.resolve();

  /**
   * @param open makes the native stream whose handler has the number that it is given
   * @param eventOf makes an event of a native one
   */
  constructor(open, eventOf, signal) {
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

  [Symbol.asyncIterator]() {
    return this;
  }

  next() {
    const answer = this.#last.then(() => this.#next());
    this.#last = answer.catch(() => {});
    return answer;
  }

  async return(value) {
    this.cancel();
    return { done: true, value };
  }

  /** Resolves when nothing new will come. */
  get ended() {
    return this.#ended;
  }

  /** Its client is closed: nothing new will come, but what waits can still be taken. */
  retire() {
    forget(this.#number);
    this.#end();
    this.#signal?.removeEventListener('abort', this.cancel);
    this.#goOn();
  }

  async #next() {
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

if (Symbol.asyncDispose) {
  Changes.prototype[Symbol.asyncDispose] = Changes.prototype.return;
}

module.exports = { Changes };
