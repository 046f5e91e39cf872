"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Changes = void 0;
// The changes of a namespace as an async iterator. Events that have not been requested wait in the
// native half, which merges them once its buffer is full.
const mailbox_cjs_1 = require("./mailbox.cjs");
const subscription_cjs_1 = require("./subscription.cjs");
class Changes {
    #number;
    #stream;
    #eventOf;
    #signal;
    #ended;
    #end;
    /** Resumes the `next` call that waits for an event. */
    #goOn = () => { };
    /** Ends the iteration; events that still wait are dropped. */
    cancel = () => {
        this.#stream.close();
        this.retire();
    };
    /** Serializes calls of `next`. */
    #last = Promise.resolve();
    /**
     * @param eventOf converts a native event
     */
    constructor(open, eventOf, signal) {
        signal?.throwIfAborted();
        this.#ended = new Promise((resolve) => {
            this.#end = resolve;
        });
        this.#eventOf = eventOf;
        this.#number = (0, mailbox_cjs_1.register)(() => this.#goOn());
        this.#stream = (0, subscription_cjs_1.streamOf)(open, this.#number);
        this.#signal = signal;
        signal?.addEventListener('abort', this.cancel);
    }
    [Symbol.asyncIterator]() {
        return this;
    }
    next() {
        const answer = this.#last.then(() => this.#next());
        this.#last = answer.catch(() => { });
        return answer;
    }
    async return(value) {
        this.cancel();
        return { done: true, value };
    }
    /** Resolves when no new event will arrive. */
    get ended() {
        return this.#ended;
    }
    /**
     * Called when the client has closed: no new event will arrive, but those that wait can still be
     * read.
     */
    retire() {
        (0, mailbox_cjs_1.forget)(this.#number);
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
exports.Changes = Changes;
if (Symbol.asyncDispose) {
    Changes.prototype[Symbol.asyncDispose] = Changes.prototype.return;
}
