// An OpenFeature provider for a namespace. The server decides by gray release rules which value a
// program reads, so the evaluation context has no effect.
'use strict';

const {
  ErrorCode,
  OpenFeatureEventEmitter,
  ProviderEvents,
  StandardResolutionReasons,
} = require('@openfeature/server-sdk');
const { CastaliaError } = require('./lib/error.cjs');

// A map, because an object also has members such as `constructor`.
const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
]);

class CastaliaProvider {
  metadata = { name: 'castalia' };
  runsOn = 'server';
  events = new OpenFeatureEventEmitter();
  #config;
  #subscription;

  /** @param config the namespace whose keys are the flag keys */
  constructor(config) {
    this.#config = config;
  }

  async initialize() {
    this.#subscription = this.#config.onChange(({ changes }) => {
      this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...changes.keys()] });
    });
  }

  /** Removes the listener; the client remains open. */
  async onClose() {
    this.#subscription?.cancel();
  }

  async resolveBooleanEvaluation(key, fallback) {
    // Stricter than getBool, which reads any other text as false: a typing error must not turn a
    // flag off.
    return this.#resolve(key, fallback, (snapshot) => BOOLEANS.get(snapshot.get(key).toLowerCase()));
  }

  async resolveStringEvaluation(key, fallback) {
    return this.#resolve(key, fallback, (snapshot) => snapshot.get(key));
  }

  async resolveNumberEvaluation(key, fallback) {
    return this.#resolve(key, fallback, (snapshot) => snapshot.tryGetDouble(key));
  }

  async resolveObjectEvaluation(key, fallback) {
    return this.#resolve(key, fallback, (snapshot) => {
      const value = snapshot.tryGetJson(key);
      return typeof value === 'object' && value !== null ? value : undefined;
    });
  }

  #resolve(key, fallback, read) {
    const snapshot = this.#config.snapshot();
    if (!snapshot.has(key)) {
      return failed(fallback, ErrorCode.FLAG_NOT_FOUND, `the namespace ${snapshot.namespace} has no key ${key}`);
    }
    try {
      const value = read(snapshot);
      if (value === undefined) {
        return failed(fallback, ErrorCode.TYPE_MISMATCH, `the value of ${key} is of another type`);
      }
      const flagMetadata = { namespace: snapshot.namespace, releaseKey: snapshot.releaseKey };
      return { value, reason: StandardResolutionReasons.STATIC, flagMetadata };
    } catch (error) {
      if (error instanceof CastaliaError) {
        return failed(fallback, ErrorCode.PARSE_ERROR, error.message);
      }
      throw error;
    }
  }
}

function failed(value, errorCode, errorMessage) {
  return { value, reason: StandardResolutionReasons.ERROR, errorCode, errorMessage };
}

module.exports = { CastaliaProvider };
