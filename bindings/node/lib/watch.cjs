// A value that is made of a whole namespace and kept current: the last good one stays when a release cannot be read as it.
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
    // No change comes between: reads and listeners have one order, and this is one step.
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
      warn(`the namespace ${config.namespace} cannot be read as what is watched; the last value stays: ${error}`);
    }
  }
}

module.exports = { Watch };
