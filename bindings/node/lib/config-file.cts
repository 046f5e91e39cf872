// A namespace as one text: a document unchanged, or key-value pairs as properties text.
import type { Client } from './client.cjs';
import { Namespace } from './namespace.cjs';
import { type Snapshot, aboutOf, snapshotOf } from './snapshot.cjs';

/** A namespace as one text. Its events have a single key, `content`. */
export class ConfigFile extends Namespace {
  private constructor(client: Client, native: any) {
    super(client, native);
  }

  /** @internal */
  static _of(client: Client, native: any): ConfigFile {
    return new ConfigFile(client, native);
  }

  /** The text: a document as released, or properties text; `undefined` if nothing has been loaded. */
  get content(): string | undefined {
    return this._copy;
  }

  get format(): 'properties' | 'xml' | 'json' | 'yml' | 'yaml' | 'txt' {
    return aboutOf(this._view).format;
  }

  snapshot(): Snapshot {
    return this._recall(this._view)();
  }

  /** @internal */
  async _copied(view: any): Promise<string | undefined> {
    return view.content ?? undefined;
  }

  /** @internal */
  _take(): void {}

  /** @internal */
  _recall(view: any): () => Snapshot {
    let snapshot: Snapshot | undefined;
    return () => (snapshot ??= snapshotOf(view, this._manner));
  }
}
