// State and counters of a client at one moment.
'use strict';

const { CastaliaError, errorOf } = require('./error.cjs');

/** The metrics as the native half gives them, with times and errors of this side and its failures of listeners. */
function metricsOf(metrics, failures) {
  return {
    ...metrics,
    namespaces: metrics.namespaces.map((one) => namespaceOf(one, failures.get(`${one.appId} ${one.namespace}`) ?? 0)),
    errors: metrics.errors.map((failure) => new CastaliaError(failure)),
  };
}

function namespaceOf(metrics, failures) {
  return {
    ...metrics,
    updatedAt: new Date(metrics.updatedAt),
    contactedAt: metrics.contactedAt === null ? null : new Date(metrics.contactedAt),
    listenerFailures: metrics.listenerFailures + failures,
    lastError: errorOf(metrics.lastError),
  };
}

module.exports = { metricsOf };
