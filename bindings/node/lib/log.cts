// Passes log records to a function of the application, and warnings of this half to the same
// function. Without a function, warnings are those of the process.
import { CastaliaError } from './error.cjs';
import { setDefaultLogHandler, setLogHandler } from './mailbox.cjs';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** A log record; it never contains values or secrets. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Module that logged it. */
  readonly target: string;
  /** Message, followed by the fields as `name=value`. */
  readonly text: string;
  readonly fields: Readonly<Record<string, string>>;
}

let sink: ((record: LogRecord) => void) | null = null;
let logging = false;
/** Whether this environment has a function, or is to have none. */
let chosen = false;

/**
 * Passes log records of all clients of the process to a function; `null` ends that. The default level is
 * `info`. Before the first call, records of level `warn` and above are warnings of the process.
 */
export function setLog(
  logger: ((record: LogRecord) => void) | null,
  options: { readonly level?: LogLevel } = {},
): void {
  const { level = 'info' } = options;
  if (logger !== null && typeof logger !== 'function') {
    throw CastaliaError._of({ code: 'InvalidArgument', message: 'the logger is not a function', operation: 'set log' });
  }
  setLogHandler(receive, logger && level);
  sink = logger;
  chosen = true;
}

/** Makes warnings of the process of warnings and errors, unless `setLog` was called. */
export function logByDefault(): void {
  if (!chosen) {
    setDefaultLogHandler(receive);
    chosen = true;
    sink = ({ text }) => process.emitWarning(text, 'CastaliaWarning');
  }
}

function receive({ level, ...rest }: LogRecord): void {
  tell({ level: level.toLowerCase() as LogLevel, ...rest });
}

function tell(record: LogRecord): void {
  // Records that the logger itself causes are dropped, to avoid an endless recursion.
  if (sink === null || logging) {
    return;
  }
  logging = true;
  try {
    Object.freeze(record.fields);
    sink(Object.freeze(record));
  } catch (error) {
    process.emitWarning(`the logger failed: ${error}`, 'CastaliaWarning');
  } finally {
    logging = false;
  }
}

/** Logs a warning of this half: to the logger, or as a process warning if there is none. */
export function warn(text: string): void {
  if (sink === null) {
    process.emitWarning(text, 'CastaliaWarning');
  } else {
    tell({ level: 'warn', target: 'castalia', text, fields: {} });
  }
}
