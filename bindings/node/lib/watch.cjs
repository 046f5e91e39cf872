"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Watch = void 0;
// A value that is parsed from a whole namespace and kept current: if a release cannot be parsed,
// the last good value remains.
const arguments_cjs_1 = require("./arguments.cjs");
const log_cjs_1 = require("./log.cjs");
/** A value that follows its namespace until it is cancelled or the client is closed. */
class Watch {
    #parse;
    #value;
    #lastError = null;
    #subscription;
    constructor(config, parse) {
        this.#parse = (0, arguments_cjs_1.callable)(parse, 'watch', 'the parser');
        // This is one step, so no change can arrive between the read and the registration of the
        // listener.
        this.#value = parse(config.snapshot());
        this.#subscription = config.onChange(() => this.#follow(config));
    }
    /** @internal */
    static _of(config, parse) {
        return new Watch(config, parse);
    }
    /** The value of the newest snapshot that could be parsed. */
    get() {
        return this.#value;
    }
    /** Error of the newest snapshot; `null` if it could be parsed. */
    get lastError() {
        return this.#lastError;
    }
    cancel() {
        this.#subscription.cancel();
    }
    #follow(config) {
        try {
            this.#value = this.#parse(config.snapshot());
            this.#lastError = null;
        }
        catch (error) {
            this.#lastError = error;
            (0, log_cjs_1.warn)(`the namespace ${config.namespace} cannot be parsed; keeping the last watched value: ${error}`);
        }
    }
}
exports.Watch = Watch;
