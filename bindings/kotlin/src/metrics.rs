//! State and counters as they cross the boundary.

use std::time::{Duration, SystemTime};

use castalia_core as core;

use crate::error::Problem;

/// A client at one moment.
#[derive(uniffi::Record)]
pub(crate) struct Metrics {
    namespaces: Vec<NamespaceMetrics>,
    errors: Vec<Problem>,
    error_count: u64,
    clock_skew_ms: i64,
    http: Vec<HttpMetrics>,
    polls_connected: u64,
    threads: Option<ThreadMetrics>,
}

/// Requests of one endpoint with one status.
#[derive(uniffi::Record)]
pub(crate) struct HttpMetrics {
    endpoint: String,
    status: u16,
    count: u64,
    time: Duration,
}

/// The runtime at one moment.
#[derive(uniffi::Record)]
pub(crate) struct ThreadMetrics {
    workers: u64,
    tasks: u64,
    queue: u64,
}

/// A namespace at one moment.
#[derive(uniffi::Record)]
pub(crate) struct NamespaceMetrics {
    app_id: String,
    namespace: String,
    state: String,
    source: String,
    items: u64,
    release_key: String,
    usage: u64,
    first_load: Option<Duration>,
    updated_at: SystemTime,
    contacted_at: Option<SystemTime>,
    listener_failures: u64,
    listener_queue: u64,
    cache_failures: u64,
    poll_timed_out: bool,
    malformed_reads: u64,
    refusals: u64,
    last_error: Option<Problem>,
}

impl From<&core::Metrics> for Metrics {
    fn from(metrics: &core::Metrics) -> Self {
        Self {
            namespaces: metrics.namespaces.iter().map(NamespaceMetrics::from).collect(),
            errors: metrics.errors.iter().map(Problem::from).collect(),
            error_count: metrics.error_count,
            clock_skew_ms: metrics.clock_skew_ms,
            http: metrics.http.iter().map(HttpMetrics::from).collect(),
            polls_connected: metrics.polls_connected,
            threads: metrics.threads.map(ThreadMetrics::from),
        }
    }
}

impl From<&core::transport::HttpMetrics> for HttpMetrics {
    fn from(metrics: &core::transport::HttpMetrics) -> Self {
        Self {
            endpoint: metrics.endpoint.clone(),
            status: metrics.status,
            count: metrics.count,
            time: metrics.time,
        }
    }
}

impl From<core::ThreadMetrics> for ThreadMetrics {
    fn from(metrics: core::ThreadMetrics) -> Self {
        Self {
            workers: metrics.workers as u64,
            tasks: metrics.tasks as u64,
            queue: metrics.queue as u64,
        }
    }
}

impl From<&core::NamespaceMetrics> for NamespaceMetrics {
    fn from(metrics: &core::NamespaceMetrics) -> Self {
        Self {
            app_id: metrics.app_id.clone(),
            namespace: metrics.namespace.clone(),
            state: metrics.state.name().to_owned(),
            source: metrics.source.name().to_owned(),
            items: metrics.items as u64,
            release_key: metrics.release_key.clone(),
            usage: metrics.usage,
            first_load: metrics.first_load,
            updated_at: metrics.updated_at,
            contacted_at: metrics.contacted_at,
            listener_failures: metrics.listener_failures,
            listener_queue: metrics.listener_queue as u64,
            cache_failures: metrics.cache_failures,
            poll_timed_out: metrics.poll_timed_out,
            malformed_reads: metrics.malformed_reads,
            refusals: metrics.refusals,
            last_error: metrics.last_error.as_ref().map(Problem::from),
        }
    }
}
