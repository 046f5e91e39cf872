// A value that is parsed from a whole namespace and kept current: if a release cannot be parsed,
// the last good value remains.
import { callable } from './arguments.cjs';
import type { Config } from './config.cjs';
import { warn } from './log.cjs';
import type { Snapshot } from './snapshot.cjs';
import type { Subscription } from './subscription.cjs';

type Parse<T> = (snapshot: Snapshot) => T;

/** A value that follows its namespace until it is cancelled or the client is closed. */
export class Watch<T> {
  #parse: Parse<T>;
  #value: T;
  #lastError: unknown = null;
  #subscription: Subscription;

  private constructor(config: Config, parse: Parse<T>) {
    this.#parse = callable(parse, 'watch', 'the parser');
    // This is one step, so no change can arrive between the read and the registration of the
    // listener.
    this.#value = parse(config.snapshot());
    this.#subscription = config.onChange(() => this.#follow(config));
    // The keys and their order may differ although no change is announced.
    const follow = () => this.#subscription.active && this.#follow(config);
    config._unannounced.add(follow);
    this.#subscription.ended.then(() => config._unannounced.delete(follow));
  }

  /** @internal */
  static _of<T>(config: Config, parse: Parse<T>): Watch<T> {
    return new Watch(config, parse);
  }

  /** The value of the newest snapshot that could be parsed. */
  get(): T {
    return this.#value;
  }

  /** Error of the newest snapshot; `null` if it could be parsed. */
  get lastError(): unknown {
    return this.#lastError;
  }

  cancel(): void {
    this.#subscription.cancel();
  }

  #follow(config: Config): void {
    try {
      this.#value = this.#parse(config.snapshot());
      this.#lastError = null;
    } catch (error) {
      this.#lastError = error;
      // Only the kind is logged: the error itself may quote values.
      const { code, name } = Object(error) as { code?: string; name?: string };
      const where = `the new content of the namespace ${config.namespace}`;
      warn(`${where} cannot be parsed (${code ?? name ?? typeof error}); keeping the last good value`);
    }
  }
}
