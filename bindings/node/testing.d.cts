// Types of `castalia/testing` for `require`.
import { Client, ClientOptions, SettingValues } from './index.cjs';

/** Values by key. */
export type Entries = Readonly<Record<string, string | number | boolean>>;

/** A client for tests: no server and no network, content that the test sets, and events when it changes. */
export class FakeClient extends Client {
  /** With content by namespace. Settings such as `castalia.strict-booleans` apply; those of servers and cache files do not. */
  constructor(
    contents?: Readonly<Record<string, Entries>>,
    options?: ClientOptions & { readonly settings?: SettingValues },
  );
  /** Sets some values of a namespace in one step; one that is `null` or `undefined` deletes its key. */
  set(
    namespace: string,
    entries: Readonly<Record<string, string | number | boolean | null | undefined>>,
  ): Promise<void>;
  /** Replaces the content of a namespace. Reads return it when this resolves, and listeners are called for it. */
  publish(namespace: string, entries: Entries): Promise<void>;
  /** Lets a namespace fail to load, as without a server, until its content is set again. What was loaded before remains. */
  fail(namespace: string): Promise<void>;
}
