// The settings that a client is created with.
'use strict';

const { CastaliaError } = require('./error.cjs');

class Settings {
  #values = {};
  #fromEnv = false;
  #defaults = [];
  #seeds = [];

  constructor(values = {}) {
    for (const [name, value] of entriesOf(values)) {
      this.set(name, value);
    }
  }

  static fromEnv() {
    const settings = new Settings();
    settings.#fromEnv = true;
    return settings;
  }

  set(name, value) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      const message = `InvalidArgument in set: the value of ${String(name)} is not a string, number or boolean`;
      throw new CastaliaError({ code: 'InvalidArgument', message, operation: 'set', context: { name } });
    }
    this.#values[name] = String(value);
    return this;
  }

  defaults(namespace, entries) {
    this.#defaults.push([namespace, entriesOf(entries)]);
    return this;
  }

  seed(namespace, entries) {
    this.#seeds.push([namespace, entriesOf(entries)]);
    return this;
  }

  /** Converts the settings for the native half; without any, those of the environment are read. */
  static _asked(settings = Settings.fromEnv(), required = undefined) {
    const asked = settings instanceof Settings ? settings : new Settings(settings);
    const policy = required === undefined ? {} : { 'castalia.start-policy': required ? 'require-all' : 'best-effort' };
    const values = { ...asked.#values, ...policy };
    return { values, fromEnv: asked.#fromEnv, defaults: asked.#defaults, seeds: asked.#seeds };
  }
}

function entriesOf(values) {
  if (typeof values !== 'object' || values === null) {
    const message = 'InvalidArgument in set: the settings are not an object of names and values';
    throw new CastaliaError({ code: 'InvalidArgument', message, operation: 'set' });
  }
  return Object.entries(values);
}

module.exports = { Settings };
