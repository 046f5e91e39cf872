// Types of `castalia/openfeature` for `import`.
import type { JsonValue, OpenFeatureEventEmitter, Provider, ResolutionDetails } from '@openfeature/server-sdk';
import type { Config } from './index.mjs';

/**
 * Evaluates flags from the values of a namespace, and announces changes. The key of a flag is the key of a
 * value.
 */
export class CastaliaProvider implements Provider {
  constructor(config: Config);
  readonly metadata: { readonly name: string };
  readonly runsOn: 'server';
  readonly events: OpenFeatureEventEmitter;
  initialize(): Promise<void>;
  /** Stops listening; the client stays open. */
  onClose(): Promise<void>;
  /** `true` or `false` in any case; any other value has another type. */
  resolveBooleanEvaluation(key: string, fallback: boolean): Promise<ResolutionDetails<boolean>>;
  resolveStringEvaluation(key: string, fallback: string): Promise<ResolutionDetails<string>>;
  resolveNumberEvaluation(key: string, fallback: number): Promise<ResolutionDetails<number>>;
  /** A JSON object or array. */
  resolveObjectEvaluation<T extends JsonValue>(key: string, fallback: T): Promise<ResolutionDetails<T>>;
}
