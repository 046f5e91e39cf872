"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.setLog = setLog;
exports.warn = warn;
// Passes log records to a function of the application, and warnings of this half to the same
// function.
const error_cjs_1 = require("./error.cjs");
const mailbox_cjs_1 = require("./mailbox.cjs");
let sink = null;
let logging = false;
/**
 * Passes log records of all clients of the process to a function; `null` ends that. The default level is
 * `info`.
 */
function setLog(logger, options = {}) {
    const { level = 'info' } = options;
    if (logger !== null && typeof logger !== 'function') {
        throw error_cjs_1.CastaliaError._of({ code: 'InvalidArgument', message: 'the logger is not a function', operation: 'set log' });
    }
    (0, mailbox_cjs_1.setLogHandler)(tell, logger && level);
    sink = logger;
}
function tell(record) {
    // Records that the logger itself causes are dropped, to avoid an endless recursion.
    if (sink === null || logging) {
        return;
    }
    logging = true;
    try {
        Object.freeze(record.fields);
        sink(Object.freeze(record));
    }
    catch (error) {
        process.emitWarning(`the logger failed: ${error}`, 'CastaliaWarning');
    }
    finally {
        logging = false;
    }
}
/** Logs a warning of this half: to the logger, or as a process warning if there is none. */
function warn(text) {
    if (sink === null) {
        process.emitWarning(text, 'CastaliaWarning');
    }
    else {
        tell({ level: 'warn', target: 'castalia', text, fields: {} });
    }
}
