//! State and counters as plain objects. Times are in milliseconds.

use castalia_core::{Metrics, NamespaceMetrics};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};

use crate::failure::Failure;
use crate::object::{number, object};
use crate::view::millis;

pub(crate) fn metrics_of<'env>(env: &'env Env, metrics: Metrics) -> Result<Object<'env>> {
    let namespaces = metrics.namespaces.into_iter().map(|metrics| namespace_of(env, metrics));
    object!(env, {
        "namespaces": namespaces.collect::<Result<Vec<_>>>()?,
        "errors": metrics.errors.into_iter().map(Failure::from).collect::<Vec<_>>(),
        "errorCount": number(metrics.error_count),
        "clockSkewMs": metrics.clock_skew_ms,
        "pollsConnected": number(metrics.polls_connected),
    })
}

fn namespace_of<'env>(env: &'env Env, metrics: NamespaceMetrics) -> Result<Object<'env>> {
    object!(env, {
        "appId": metrics.app_id,
        "namespace": metrics.namespace,
        "state": metrics.state.name(),
        "source": metrics.source.name(),
        "items": number(metrics.items as u64),
        "releaseKey": metrics.release_key,
        "usage": number(metrics.usage),
        "firstLoadMs": metrics.first_load.map(|time| time.as_secs_f64() * 1000.0),
        "updatedAt": millis(metrics.updated_at),
        "contactedAt": metrics.contacted_at.map(millis),
        "listenerFailures": number(metrics.listener_failures),
        "listenerQueue": number(metrics.listener_queue as u64),
        "cacheFailures": number(metrics.cache_failures),
        "pollTimedOut": metrics.poll_timed_out,
        "refusals": number(metrics.refusals),
        "lastError": metrics.last_error.map(Failure::from),
    })
}
