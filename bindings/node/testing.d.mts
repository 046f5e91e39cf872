// Types of `castalia/testing` for `import`.
import { Client, ClientOptions, SettingValues } from './index.mjs';

/** Values by key. */
export type Entries = Readonly<Record<string, string | number | boolean>>;

/** A client for tests without servers and network. The test sets its values, which causes events. */
export class FakeClient extends Client {
  /**
   * With initial values by namespace. Settings such as `castalia.strict-booleans` apply; those of servers and
   * cache files do not.
   */
  constructor(
    contents?: Readonly<Record<string, Entries>>,
    options?: ClientOptions & { readonly settings?: SettingValues },
  );
  /** Sets several values of a namespace in one step, like `publish`; `null` and `undefined` delete a key. */
  set(
    namespace: string,
    entries: Readonly<Record<string, string | number | boolean | null | undefined>>,
  ): Promise<void>;
  /**
   * Replaces all values of a namespace. When this resolves, reads return them and listeners were called. What
   * an asynchronous listener does after its first `await` is not waited for, and one that is busy with an
   * earlier change is called when it has finished.
   */
  publish(namespace: string, entries: Entries): Promise<void>;
  /**
   * Makes loads of a namespace fail, as without a server, until its values are set again. Values loaded
   * before remain.
   */
  fail(namespace: string): Promise<void>;
}
