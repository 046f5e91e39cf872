"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.mailbox = void 0;
exports.register = register;
exports.forget = forget;
exports.handlerCount = handlerCount;
exports.hold = hold;
exports.release = release;
exports.wait = wait;
exports.setLogHandler = setLogHandler;
// Messages from the native half to this environment, and the handlers that receive them. Each
// handler has a number.
const native_cjs_1 = require("./native.cjs");
const error_cjs_1 = require("./error.cjs");
const handlers = new Map();
let lastNumber = 0;
/** Keeps the process alive: pending calls, and clients with `keepAlive`. */
const holders = new Set();
const anchor = setInterval(() => { }, 2 ** 31 - 1);
anchor.unref();
let hearLog = () => { };
exports.mailbox = new native_cjs_1.native.Mailbox(() => {
    for (const [number, payload] of exports.mailbox.take()) {
        handlers.get(number)?.(payload);
    }
    for (const record of exports.mailbox.takeLog()) {
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
            reject(signal?.reason);
        };
        const number = register((payload) => {
            end();
            if (payload instanceof native_cjs_1.native.Failure) {
                reject(error_cjs_1.CastaliaError._of(payload));
            }
            else {
                resolve(payload);
            }
        });
        hold(end);
        signal?.addEventListener('abort', abort);
        try {
            (0, error_cjs_1.checked)(() => begin(number));
        }
        catch (error) {
            end();
            throw error;
        }
    });
}
/** Sends log records of this level and above to a function. */
function setLogHandler(handler, level) {
    (0, error_cjs_1.checked)(() => native_cjs_1.native.setLog(exports.mailbox, level));
    hearLog = handler;
}
