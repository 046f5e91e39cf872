// Messages from the native half to this environment, and the handlers that receive them. Each
// handler has a number.
'use strict';

const { native } = require('./native.cjs');
const { CastaliaError, checked } = require('./error.cjs');

const handlers = new Map();
let lastNumber = 0;

/** Keeps the process alive: pending calls, and clients with `keepAlive`. */
const holders = new Set();
const anchor = setInterval(() => {}, 2 ** 31 - 1);
anchor.unref();

let hearLog = () => {};

const mailbox = new native.Mailbox(() => {
  for (const [number, payload] of mailbox.take()) {
    handlers.get(number)?.(payload);
  }
  for (const record of mailbox.takeLog()) {
    hearLog(record);
  }
});

/** Registers a handler and returns its number. */
function register(handler) {
  lastNumber += 1;
  handlers.set(lastNumber, handler);
  return lastNumber;
}

function forget(number) {
  handlers.delete(number);
}

/** The number of handlers, for tests. */
function handlerCount() {
  return handlers.size;
}

function hold(holder) {
  holders.add(holder);
  anchor.ref();
}

function release(holder) {
  holders.delete(holder);
  if (holders.size === 0) {
    anchor.unref();
  }
}

/**
 * Returns the promise of a native call, which takes the number of a handler. The signal ends the
 * wait, not the operation itself.
 */
function wait(begin, { signal } = {}) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const end = () => {
      forget(number);
      release(end);
      signal?.removeEventListener('abort', abort);
    };
    const abort = () => {
      end();
      reject(signal.reason);
    };
    const number = register((payload) => {
      end();
      if (payload instanceof native.Failure) {
        reject(new CastaliaError(payload));
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
function setLogHandler(handler, level) {
  checked(() => native.setLog(mailbox, level));
  hearLog = handler;
}

module.exports = { mailbox, register, forget, handlerCount, hold, release, wait, setLogHandler };
