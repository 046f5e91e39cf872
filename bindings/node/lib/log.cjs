// Passes log records to a function of the application, and warnings of this half to the same
// function.
'use strict';

const { CastaliaError } = require('./error.cjs');
const { setLogHandler } = require('./mailbox.cjs');

let sink = null;
let logging = false;

/** Sends the log records of all clients to a function; `null` removes it. */
function setLog(logger, { level = 'info' } = {}) {
  if (logger !== null && typeof logger !== 'function') {
    throw new CastaliaError({ code: 'InvalidArgument', message: 'the logger is not a function', operation: 'set log' });
  }
  setLogHandler(tell, logger && level);
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
  } catch (error) {
    process.emitWarning(`the logger failed: ${error}`, 'CastaliaWarning');
  } finally {
    logging = false;
  }
}

/** Logs a warning of this half: to the logger, or as a process warning if there is none. */
function warn(text) {
  if (sink === null) {
    process.emitWarning(text, 'CastaliaWarning');
  } else {
    tell({ level: 'warn', target: 'castalia', text, fields: {} });
  }
}

module.exports = { setLog, warn };
