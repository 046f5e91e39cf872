// What the native half tells this environment, and who is to hear of it. Each handler has a number.
'use strict';

const { native } = require('./native.cjs');
const { CastaliaError, checked } = require('./error.cjs');

const handlers = new Map();
let lastNumber = 0;

/** What keeps the process alive: calls that are waited for, and clients that were told to. */
const holders = new Set();
const anchor = setInterval(() => {}, 2 ** 31 - 1);
anchor.unref();

let hearLog = () => {};

const mailbox = new native.Mailbox(() => {
  for (const [number, told] of mailbox.take()) {
    handlers.get(number)?.(told);
  }
  for (const record of mailbox.takeLog()) {
    hearLog(record);
  }
});

/** Registers a handler under the number that this gives. */
function register(handler) {
  lastNumber += 1;
  handlers.set(lastNumber, handler);
  return lastNumber;
}

function forget(number) {
  handlers.delete(number);
}

/** How many handlers there are, for tests. */
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
 * The promise of a native call that takes the number of a handler. The signal ends the wait, not what was begun.
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
    const number = register((told) => {
      end();
      if (told instanceof native.Failure) {
        reject(new CastaliaError(told));
      } else {
        resolve(told);
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

/** Sends log records of this level and the more important ones to a function. */
function setLogHandler(handler, level) {
  hearLog = handler;
  return checked(() => native.setLog(mailbox, level));
}

module.exports = { mailbox, register, forget, handlerCount, hold, release, wait, setLogHandler };
