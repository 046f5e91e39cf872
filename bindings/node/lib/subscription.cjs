// A registered listener: takes one event after the other from the native half, and the next only when it is done with the last.
'use strict';

const { checked } = require('./error.cjs');
const { register, forget } = require('./mailbox.cjs');

class Subscription {
  #number;
  #stream;
  #take;
  #deliver;
  #ended;
  #end;
  #delivering = false;
  #delivered = Promise.resolve();

  /**
   * Delivers nothing before the first `pump`.
   *
   * @param open makes the native stream whose handler has the number that it is given
   * @param deliver is given each native event; what it gives is waited for, and never fails
   * @param take takes the next event of the stream
   */
  constructor(open, deliver, take = (stream) => stream.take()) {
    this.#deliver = deliver;
    this.#take = take;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#number = register(() => this.pump());
    this.#stream = streamOf(open, this.#number);
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

  /** The native stream. */
  get _stream() {
    return this.#stream;
  }

  /** Delivers what there is; resolves when that is done. Where there is nothing to take, this asks to be told. */
  pump() {
    if (!this.#delivering) {
      this.#delivered = this.#deliverAll();
    }
    return this.#delivered;
  }

  async #deliverAll() {
    this.#delivering = true;
    for (let event = this.#take(this.#stream); event; event = this.#take(this.#stream)) {
      await this.#deliver(event);
    }
    // In one step with the last look, so that a call of `pump` after it looks again.
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

/** The native stream whose handler has this number. */
function streamOf(open, number) {
  try {
    return checked(() => open(number));
  } catch (error) {
    forget(number);
    throw error;
  }
}

module.exports = { Subscription, streamOf };
