// State and counters of a client at one moment.
'use strict';

const { CastaliaError, errorOf } = require('./error.cjs');

/** Converts the times and errors in native metrics to the types of this half. */
function metricsOf(metrics) {
  return {
    ...metrics,
    namespaces: metrics.namespaces.map(namespaceOf),
    errors: metrics.errors.map((failure) => new CastaliaError(failure)),
  };
}

function namespaceOf(metrics) {
  return {
    ...metrics,
    updatedAt: new Date(metrics.updatedAt),
    contactedAt: metrics.contactedAt === null ? null : new Date(metrics.contactedAt),
    lastError: errorOf(metrics.lastError),
  };
}

module.exports = { metricsOf };
