// A value that is parsed from a whole namespace and kept current: if a release cannot be parsed,
// the last good value remains.
'use strict';

const { callable } = require('./arguments.cjs');
const { warn } = require('./log.cjs');

class Watch {
  #parse;
  #value;
  #lastError = null;
  #subscription;

  constructor(config, parse) {
    this.#parse = callable(parse, 'watch', 'the parser');
    // This is one step, so no change can arrive between the read and the registration of the
    // listener.
    this.#value = parse(config.snapshot());
    this.#subscription = config.onChange(() => this.#follow(config));
  }

  get() {
    return this.#value;
  }

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
    } catch (error) {
      this.#lastError = error;
      warn(`the namespace ${config.namespace} cannot be parsed; keeping the last watched value: ${error}`);
    }
  }
}

module.exports = { Watch };
