"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Subscription = void 0;
exports.streamOf = streamOf;
// A registered listener: takes events from the native half one by one, the next only after the last
// was handled.
const error_cjs_1 = require("./error.cjs");
const mailbox_cjs_1 = require("./mailbox.cjs");
/** A registered listener. */
class Subscription {
    #number;
    #stream;
    #take;
    #deliver;
    #ended;
    #end;
    #delivering = false;
    #delivered = Promise.resolve();
    constructor(open, deliver, take) {
        this.#deliver = deliver;
        this.#take = take;
        this.#ended = new Promise((resolve) => {
            this.#end = resolve;
        });
        this.#number = (0, mailbox_cjs_1.register)(() => this.pump());
        this.#stream = streamOf(open, this.#number);
    }
    /**
     * Delivers nothing before the first `pump`.
     *
     * @internal
     * @param deliver handles a native event; its promise is awaited and never rejects
     * @param take takes the next event of the stream
     */
    static _of(open, deliver, take = (stream) => stream.take()) {
        return new Subscription(open, deliver, take);
    }
    /** Ends it: no call will start. */
    cancel() {
        this.#stream.close();
        this.#finish();
    }
    /**
     * Whether neither the subscription was cancelled nor its client closed.
     * @internal
     */
    get active() {
        return !this.#stream.ended;
    }
    /**
     * Resolves when nothing more will be delivered.
     * @internal
     */
    get ended() {
        return this.#ended;
    }
    /**
     * Called when the client has closed and the time for queued events is over.
     * @internal
     */
    retire() {
        this.cancel();
    }
    /** @internal */
    get _stream() {
        return this.#stream;
    }
    /**
     * Delivers the events that wait; resolves when that is done. A stream that was found empty
     * notifies its handler of the next event.
     * @internal
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
        (0, mailbox_cjs_1.forget)(this.#number);
        this.#end();
    }
}
exports.Subscription = Subscription;
if (Symbol.dispose) {
    Subscription.prototype[Symbol.dispose] = Subscription.prototype.cancel;
}
/** Opens the native stream for the handler with this number. */
function streamOf(open, number) {
    try {
        return (0, error_cjs_1.checked)(() => open(number));
    }
    catch (error) {
        (0, mailbox_cjs_1.forget)(number);
        throw error;
    }
}
