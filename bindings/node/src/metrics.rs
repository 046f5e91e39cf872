//! State and counters as plain objects. Times are in milliseconds.

use castalia_core::transport::HttpMetrics;
use castalia_core::{Metrics, NamespaceMetrics, ThreadMetrics};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};

use crate::failure::Failure;
use crate::object::{number, object};
use crate::view::millis;

pub(crate) fn metrics_of<'env>(env: &'env Env, metrics: Metrics) -> Result<Object<'env>> {
    let namespaces = metrics.namespaces.into_iter().map(|metrics| namespace_of(env, metrics));
    let http = metrics.http.into_iter().map(|metrics| http_of(env, metrics));
    object!(env, {
        "namespaces": namespaces.collect::<Result<Vec<_>>>()?,
        "errors": metrics.errors.into_iter().map(Failure::from).collect::<Vec<_>>(),
        "errorCount": number(metrics.error_count),
        "clockSkewMs": metrics.clock_skew_ms,
        "http": http.collect::<Result<Vec<_>>>()?,
        "pollsConnected": number(metrics.polls_connected),
        "threads": metrics.threads.map(|metrics| threads_of(env, metrics)).transpose()?,
    })
}

fn http_of<'env>(env: &'env Env, metrics: HttpMetrics) -> Result<Object<'env>> {
    object!(env, {
        "endpoint": metrics.endpoint,
        "status": metrics.status,
        "count": number(metrics.count),
        "timeMs": metrics.time.as_secs_f64() * 1000.0,
    })
}

fn threads_of<'env>(env: &'env Env, metrics: ThreadMetrics) -> Result<Object<'env>> {
    object!(env, {
        "workers": number(metrics.workers as u64),
        "tasks": number(metrics.tasks as u64),
        "queue": number(metrics.queue as u64),
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
        "malformedReads": number(metrics.malformed_reads),
        "refusals": number(metrics.refusals),
        "lastError": metrics.last_error.map(Failure::from),
    })
}
