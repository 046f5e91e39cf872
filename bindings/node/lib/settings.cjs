"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.Settings = void 0;
// The settings that a client is created with.
const error_cjs_1 = require("./error.cjs");
/** Settings of a client; validated when a client is created. */
class Settings {
    #values = {};
    #fromEnv = false;
    #defaults = [];
    #seeds = [];
    /** Only these values: neither the environment nor files are read. */
    constructor(values = {}) {
        for (const [name, value] of entriesOf(values)) {
            this.set(name, value);
        }
    }
    /** From the environment, `server.properties` and `app.properties`. */
    static fromEnv() {
        const settings = new Settings();
        settings.#fromEnv = true;
        return settings;
    }
    /** Sets a value, which overrides every other origin. */
    set(name, value) {
        if (!['string', 'number', 'boolean'].includes(typeof value)) {
            const message = `InvalidArgument in set: the value of ${String(name)} is not a string, number or boolean`;
            throw error_cjs_1.CastaliaError._of({ code: 'InvalidArgument', message, operation: 'set', context: { name } });
        }
        this.#values[name] = String(value);
        return this;
    }
    /**
     * Values for keys that a namespace does not have. A release overrides them, and they override the defaults
     * of reads.
     */
    defaults(namespace, entries) {
        this.#defaults.push([namespace, entriesOf(entries)]);
        return this;
    }
    /** Values of a namespace that are used if there is neither a server nor a cache file. */
    seed(namespace, entries) {
        this.#seeds.push([namespace, entriesOf(entries)]);
        return this;
    }
    /**
     * Converts the settings for the native half; without any, those of the environment are read.
     * @internal
     */
    static _asked(settings = Settings.fromEnv(), required) {
        const asked = settings instanceof Settings ? settings : new Settings(settings);
        const policy = required === undefined ? {} : { 'castalia.start-policy': required ? 'require-all' : 'best-effort' };
        const values = { ...asked.#values, ...policy };
        return { values, fromEnv: asked.#fromEnv, defaults: asked.#defaults, seeds: asked.#seeds };
    }
}
exports.Settings = Settings;
function entriesOf(values) {
    if (typeof values !== 'object' || values === null) {
        const message = 'InvalidArgument in set: the settings are not an object of names and values';
        throw error_cjs_1.CastaliaError._of({ code: 'InvalidArgument', message, operation: 'set' });
    }
    return Object.entries(values);
}
