// Messages from the native half to this environment, and the handlers that receive them. Each
// handler has a number.
import { native } from './native.cjs';
import { checked, errorOf } from './error.cjs';

/** The signal ends the wait, not the operation. */
export interface WaitOptions {
  readonly signal?: AbortSignal;
}

type Handler = (payload: any) => unknown;

const handlers = new Map<number, Handler>();
let lastNumber = 0;

/** Keeps the process alive: pending calls, and clients with `keepAlive`. */
const holders = new Set<unknown>();
const anchor = setInterval(() => {}, 2 ** 31 - 1);
anchor.unref();

let hearLog: Handler = () => {};

export const mailbox = new native.Mailbox(() => {
  for (const [number, payload] of mailbox.take()) {
    handlers.get(number)?.(payload);
  }
  for (const record of mailbox.takeLog()) {
    hearLog(JSON.parse(record));
  }
});

/** Registers a handler and returns its number. */
export function register(handler: Handler): number {
  lastNumber += 1;
  handlers.set(lastNumber, handler);
  return lastNumber;
}

export function forget(number: number): void {
  handlers.delete(number);
}

/** The number of handlers, for tests. */
export function handlerCount(): number {
  return handlers.size;
}

export function hold(holder: unknown): void {
  holders.add(holder);
  anchor.ref();
}

export function release(holder: unknown): void {
  holders.delete(holder);
  if (holders.size === 0) {
    anchor.unref();
  }
}

/**
 * Returns the promise of a native call, which takes the number of a handler. The signal ends the
 * wait, not the operation itself.
 */
export function wait(begin: (number: number) => void, { signal }: WaitOptions = {}): Promise<any> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      forget(number);
      release(end);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      end();
      reject(signal?.reason);
    };
    const number = register((payload) => {
      end();
      if (typeof payload === 'string') {
        reject(errorOf(JSON.parse(payload)));
      } else {
        resolve(payload);
      }
    });
    hold(end);
    signal?.addEventListener('abort', abort);
    try {
      checked(() => begin(number));
    } catch (error) {
      end();
      throw error;
    }
  });
}

/** Sends log records of this level and above to a function. */
export function setLogHandler(handler: Handler, level: string | null): void {
  checked(() => mailbox.readLog(level));
  hearLog = handler;
}

/** Sends warnings and errors to a function, unless another environment of the process receives records. */
export function setDefaultLogHandler(handler: Handler): void {
  checked(() => mailbox.readLogByDefault());
  hearLog = handler;
}
