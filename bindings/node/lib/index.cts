// What `index.d.cts` is generated from: the public names of the package, whose values are in `index.cjs`.
import type { ErrorCode } from './error.cjs';

export type { Filter } from './arguments.cjs';
export { Client, type ClientOptions } from './client.cjs';
export { ConfigFile } from './config-file.cjs';
export { Config } from './config.cjs';
export { CastaliaError, type ErrorCode } from './error.cjs';
export { type Change, ChangeEvent, type ChangeListener } from './event.cjs';
export { type LogLevel, type LogRecord, setLog } from './log.cjs';
export type { WaitOptions } from './mailbox.cjs';
export type { HttpMetrics, Metrics, NamespaceMetrics, Setting, State, ThreadMetrics } from './metrics.cjs';
export { type SettingValues, Settings } from './settings.cjs';
export { Snapshot, type Source } from './snapshot.cjs';
export { Subscription } from './subscription.cjs';
export type { Validator } from './validator.cjs';
export { Watch } from './watch.cjs';

/** Version of this package. */
export declare const version: string;

/** Stable numbers of the error kinds, the same in every language. */
export declare const ErrorKind: Readonly<Record<ErrorCode, number>>;
