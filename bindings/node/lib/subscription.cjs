// A registered listener: takes events from the native half one by one, the next only after the last
// was handled.
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
   * @param open opens the native stream; takes the number of the handler to notify
   * @param deliver handles a native event; its promise is awaited and never rejects
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

  /** Ends the subscription: no further call starts. */
  cancel() {
    this.#stream.close();
    this.#finish();
  }

  /** Whether neither the subscription was cancelled nor its client closed. */
  get active() {
    return !this.#stream.ended;
  }

  /** Resolves when nothing more will be delivered. */
  get ended() {
    return this.#ended;
  }

  /** Called when the client has closed and the time for queued events is over. */
  retire() {
    this.cancel();
  }

  get _stream() {
    return this.#stream;
  }

  /**
   * Delivers the events that wait; resolves when that is done. A stream that was found empty
   * notifies its handler of the next event.
   */
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
    // In the same step as the last `take`, so that a later `pump` takes again.
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

/** Opens the native stream for the handler with this number. */
function streamOf(open, number) {
  try {
    return checked(() => open(number));
  } catch (error) {
    forget(number);
    throw error;
  }
}

module.exports = { Subscription, streamOf };
