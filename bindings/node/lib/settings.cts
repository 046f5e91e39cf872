// The settings that a client is created with.
import { CastaliaError } from './error.cjs';

/** Settings by property name, such as `app.id` or `apollo.meta`. */
export type SettingValues = Readonly<Record<string, string | number | boolean>>;

/** Settings of a client; validated when a client is created. */
export class Settings {
  /** Without a prototype, so that `__proto__` is refused as any other unknown name. */
  #values: Record<string, string> = Object.create(null);
  #fromEnv = false;
  #defaults: [string, [string, string][]][] = [];
  #seeds: [string, [string, string][]][] = [];

  /** Only these values: neither the environment nor files are read. */
  constructor(values: SettingValues = {}) {
    for (const [name, value] of entriesOf(values)) {
      this.set(name, value);
    }
  }

  /** From the environment, `server.properties` and `app.properties`. */
  static fromEnv(): Settings {
    const settings = new Settings();
    settings.#fromEnv = true;
    return settings;
  }

  /** Sets a value, which overrides every other origin. */
  set(name: string, value: string | number | boolean): this {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      const message = `InvalidArgument in set: the value of ${String(name)} is not a string, number or boolean`;
      throw CastaliaError._of({ code: 'InvalidArgument', message, operation: 'set', context: { name } });
    }
    this.#values[name] = String(value);
    return this;
  }

  /**
   * Values for keys that a namespace does not have. A release overrides them, and they override the defaults
   * of reads.
   */
  defaults(namespace: string, entries: Readonly<Record<string, string>>): this {
    this.#defaults.push([namespace, entriesOf(entries)]);
    return this;
  }

  /** Values of a namespace that are used if there is neither a server nor a cache file. */
  seed(namespace: string, entries: Readonly<Record<string, string>>): this {
    this.#seeds.push([namespace, entriesOf(entries)]);
    return this;
  }

  /**
   * Converts the settings for the native half; without any, those of the environment are read.
   * @internal
   */
  static _asked(settings: Settings | SettingValues = Settings.fromEnv(), required?: boolean) {
    const asked = settings instanceof Settings ? settings : new Settings(settings);
    const policy = required === undefined ? {} : { 'castalia.start-policy': required ? 'require-all' : 'best-effort' };
    const values = { ...asked.#values, ...policy };
    return { values, fromEnv: asked.#fromEnv, defaults: asked.#defaults, seeds: asked.#seeds };
  }
}

function entriesOf<V>(values: Readonly<Record<string, V>>): [string, V][] {
  if (typeof values !== 'object' || values === null) {
    const message = 'InvalidArgument in set: the settings are not an object of names and values';
    throw CastaliaError._of({ code: 'InvalidArgument', message, operation: 'set' });
  }
  return Object.entries(values);
}
