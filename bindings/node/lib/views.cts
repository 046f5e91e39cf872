// The open namespaces of a client, and who opened them: a start opens those of `castalia.namespaces` for their
// events, until a caller opens or closes them.
import type { Namespace } from './namespace.cjs';

export class Views {
  #appId: string;
  /** By kind, app id and name. */
  #open = new Map<string, Namespace>();
  /** Those that a start has opened, and no caller. */
  #begun = new Set<Namespace>();
  /** Namespaces of the client's app that callers have closed. */
  #left = new Set<string>();

  constructor(appId: string) {
    this.#appId = appId;
  }

  /** The view of this kind, which is made unless it is open, and whether it was. */
  adopt<V extends Namespace>(kind: string, appId: string, namespace: string, make: () => V): [V, boolean] {
    const name = `${kind} ${appId} ${namespace}`;
    const open = this.#open.get(name) as V | undefined;
    const view = open ?? make();
    this.#open.set(name, view);
    return [view, open === undefined];
  }

  /** All views of a namespace, also of one of this name in another app. */
  named(namespace: string): Namespace[] {
    return [...this.#open.values()].filter((one) => bare(one.namespace) === bare(namespace));
  }

  /** Whether a namespace of the client's app is open, or was closed by a caller. */
  isKnown(namespace: string): boolean {
    return this.#left.has(bare(namespace)) || this.named(namespace).some(({ appId }) => appId === this.#appId);
  }

  begin(view: Namespace): void {
    this.#begun.add(view);
  }

  /** Makes a view that of a caller; returns another one of its namespace, which a start has opened. */
  claim(view: Namespace): Namespace | undefined {
    this.#begun.delete(view);
    return this.named(view.namespace).find((one) => one.appId === view.appId && this.#begun.has(one));
  }

  /**
   * Removes a view that a start has opened, unless a caller has opened or closed it meanwhile; returns whether it
   * did.
   */
  replace(view: Namespace): boolean {
    const isBegun = this.#begun.delete(view);
    if (isBegun) {
      this.#remove(view);
    }
    return isBegun;
  }

  /** Removes a view that a caller closes. */
  leave(view: Namespace): void {
    if (view.appId === this.#appId) {
      this.#left.add(bare(view.namespace));
    }
    this.#begun.delete(view);
    this.#remove(view);
  }

  #remove(view: Namespace): void {
    const found = [...this.#open].find(([, one]) => one === view);
    if (found) {
      this.#open.delete(found[0]);
    }
  }
}

/** The name without the suffix that names the same namespace. */
function bare(namespace: string): string {
  return namespace.replace(/\.properties$/, '');
}
