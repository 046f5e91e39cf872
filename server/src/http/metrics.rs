//! `/prometheus`, `/metrics` (the same text) and `/info`, on every port. Protected by the metrics
//! token, unless the installation leaves them open.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use castalia_store::{Secret, Store};
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq as _;

use super::about;
use super::route::{Listed, Routes};
use crate::error::Error;
use crate::feed::ReleaseFeed;

/// Counters that an alarm watches from the start: one that begins with its first event grows
/// unnoticed by `increase()`. Those of Eureka exist where it is used, those of single tables with
/// the table.
const ALARMS: [&str; 13] = [
    "castalia_cut_connections_total",
    "castalia_deferred_messages_total",
    "castalia_instance_batches_failed_total",
    "castalia_instance_records_dropped_total",
    "castalia_log_lines_lost_total",
    "castalia_message_rewinds_total",
    "castalia_notices_lost_total",
    "castalia_observed_signature_failures_total",
    "castalia_refused_connections_total",
    "castalia_refused_polls_total",
    "castalia_refused_searches_total",
    "castalia_task_restarts_total",
    "castalia_unreadable_releases_total",
];
/// The same with labels.
const LABELLED_ALARMS: [(&str, &str, &[&str]); 2] = [
    ("castalia_deliveries_total", "outcome", &["delivered", "retried", "failed"]),
    ("castalia_reconciled_total", "what", &["release", "content", "position", "former", "answer"]),
];

/// Content type of the Prometheus text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Access to metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Requires the token as `Authorization: Bearer`; open to everyone if no token is set.
    Token,
}

/// The databases of this process, as far as it has them.
#[derive(Debug, Clone)]
pub struct Databases {
    /// The database of the environment, and the feed that reads it.
    pub config: Option<(Store, ReleaseFeed)>,
    /// The database of the portal.
    pub portal: Option<Store>,
}

impl Databases {
    async fn measure(&self) {
        if let Some((store, feed)) = &self.config {
            measure_database("config", store, !feed.cache().is_database_away());
            measure_feed(feed);
        }
        if let Some(store) = &self.portal {
            // Nothing reads this database at regular intervals.
            measure_database("portal", store, store.ping().await.is_ok());
        }
    }
}

fn measure_database(name: &'static str, store: &Store, answers: bool) {
    let is_up = answers && store.status().is_writable();
    metrics::gauge!("castalia_database_up", "database" => name).set(if is_up { 1.0 } else { 0.0 });
}

fn measure_feed(feed: &ReleaseFeed) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge of polls never needs more than 52 bits"
    )]
    metrics::gauge!("castalia_parked_polls").set(feed.hub().parked() as f64);
    if let Some(age) = feed.keys().age() {
        metrics::gauge!("castalia_access_keys_age_seconds").set(age.as_secs_f64());
    }
}

/// The metrics of this process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
    token: Option<Secret>,
    databases: Databases,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Metrics that the token protects; open to everyone if it is `None`.
    #[must_use]
    pub fn new(token: Option<Secret>, databases: Databases) -> Self {
        Self { recorder: recorder(), token, databases }
    }

    /// Makes counters of a part that is used exist, with the value 0.
    pub fn begin(counters: &[&'static str]) {
        recorder();
        for name in counters {
            metrics::counter!(*name).increment(0);
        }
    }

    /// The routes; every port has them.
    pub fn routes(self) -> (Router, Vec<Listed<MetricsAccess>>) {
        Routes::new(self, guard)
            .get("/metrics", MetricsAccess::Token, text)
            .get("/prometheus", MetricsAccess::Token, text)
            .get("/info", MetricsAccess::Token, about::info)
            .finish_without_fallback()
    }
}

/// One recorder for the process, which runs several nodes in tests.
fn recorder() -> PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Fails only if a host program has installed its own recorder. That one then records
        // everything and this one remains empty.
        let _ = metrics::set_global_recorder(recorder);
        for name in ALARMS {
            metrics::counter!(name).increment(0);
        }
        for (name, label, values) in LABELLED_ALARMS {
            for value in values {
                metrics::counter!(name, label => *value).increment(0);
            }
        }
        handle
    };
    RECORDER.get_or_init(install).clone()
}

fn guard(
    state: Metrics,
    access: MetricsAccess,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    let MetricsAccess::Token = access;
    check_token(state.token, request, next)
}

/// Passes a request that carries the token, or any request if no token is set.
pub(super) fn check_token(
    token: Option<Secret>,
    request: Request,
    next: Next,
) -> BoxFuture<'static, Response> {
    Box::pin(async move {
        if token.is_some_and(|token| !carries(&request, &token)) {
            return Error::unauthorized("Send the metrics token as `Authorization: Bearer`.")
                .early()
                .into_response();
        }
        next.run(request).await
    })
}

fn carries(request: &Request, token: &Secret) -> bool {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.strip_prefix("Bearer "));
    given.is_some_and(|given| given.as_bytes().ct_eq(token.expose().as_bytes()).into())
}

async fn text(State(state): State<Metrics>) -> Response {
    state.databases.measure().await;
    ([(CONTENT_TYPE, TEXT)], state.recorder.render()).into_response()
}
