// A registered listener: takes one event after the other from the native half, and the next only when it is done with the last.
'use strict';

const { checked } = require('./error.cjs');
const { register, forget } = require('./mailbox.cjs');

class Subscription {
  #number;
  #stream;
  #deliver;
  #ended;
  #end;
  #delivering = false;

  /**
   * @param native the native half of the namespace
   * @param filter keys and prefixes that are listened to
   * @param deliver is given each native event; what it gives is waited for, and never fails
   */
  constructor(native, filter, deliver) {
    this.#deliver = deliver;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#number = register(() => this.#pump());
    this.#stream = streamOf(native, filter, this.#number);
    // Where there is nothing to take, this asks to be told.
    this.#pump();
  }

  /** Ends it: no call will start. */
  cancel() {
    this.#stream.close();
    this.#finish();
  }

  /** Whether it was neither cancelled nor ended with its client. */
  get active() {
    return !this.#stream.ended;
  }

  /** Resolves when nothing will be delivered any more. */
  get ended() {
    return this.#ended;
  }

  /** Its client is closed, and it had its time. */
  retire() {
    this.cancel();
  }

  async #pump() {
    if (this.#delivering) {
      return;
    }
    this.#delivering = true;
    for (let event = this.#stream.take(); event; event = this.#stream.take()) {
      await this.#deliver(event);
    }
    this.#delivering = false;
    if (this.#stream.ended) {
      this.#finish();
    }
  }

  #finish() {
    forget(this.#number);
    this.#end();
  }
}

if (Symbol.dispose) {
  Subscription.prototype[Symbol.dispose] = Subscription.prototype.cancel;
}

/** The native stream of changes whose handler has this number. */
function streamOf(native, { keys = [], prefixes = [] } = {}, number) {
  try {
    return checked(() => native.changes(number, [...keys], [...prefixes]));
  } catch (error) {
    forget(number);
    throw error;
  }
}

module.exports = { Subscription, streamOf };
