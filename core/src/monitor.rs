//! State, counters and recent errors, readable at any time.

mod text;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind};
use crate::record;
use crate::snapshot::{Snapshot, Source};
use crate::transport::HttpMetrics;

/// Result of the last load of a namespace.
///
/// ```
/// use castalia_core::{InMemory, State};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
/// assert_eq!(config.state(), State::Ready);
///
/// memory.fail("application").await?;
/// assert_eq!(config.state().name(), "Transport");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The first load is in progress.
    Loading,
    /// The last load succeeded, or there is nothing to load.
    Ready,
    /// No server answers and there is no cache file: reads return their defaults.
    Unavailable,
    /// The last load failed with this kind of error; reads return the values of before.
    Failed(ErrorKind),
}

impl State {
    /// Stable name: `Loading`, `Ready`, `Unavailable`, or the name of the error kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Loading => "Loading",
            State::Ready => "Ready",
            State::Unavailable => "Unavailable",
            State::Failed(kind) => kind.name(),
        }
    }
}

/// Counters of a client at one moment; see [`Client::metrics`](crate::Client::metrics).
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// memory.set("application", "timeout", "200").await?;
/// let _config = memory.client().config("application").await?;
///
/// let metrics = memory.client().metrics();
/// assert_eq!(metrics.namespaces[0].namespace, "application");
/// assert_eq!(metrics.namespaces[0].items, 1);
/// assert_eq!(metrics.error_count, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Every open namespace, sorted by app id and name.
    pub namespaces: Vec<NamespaceMetrics>,
    /// Recent errors, oldest first; 25 unless `apollo.client.monitor.exception-queue-size` is set.
    pub errors: Vec<Error>,
    /// Number of errors since the start.
    pub error_count: u64,
    /// Milliseconds by which the servers' clock is ahead of this machine's.
    pub clock_skew_ms: i64,
    /// Requests by endpoint and status.
    pub http: Vec<HttpMetrics>,
    /// Poll loops whose last request succeeded.
    pub polls_connected: u64,
    /// The runtime; `None` before the first namespace is opened.
    pub threads: Option<ThreadMetrics>,
}

/// The runtime at one moment, including any other work on it.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// assert_eq!(memory.client().metrics().threads, None);
/// let _config = memory.client().config("application").await?;
/// assert!(memory.client().metrics().threads.is_some_and(|threads| threads.tasks > 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ThreadMetrics {
    /// Worker threads.
    pub workers: usize,
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Tasks waiting for a worker.
    pub queue: usize,
}

impl ThreadMetrics {
    pub(crate) fn of(runtime: &Handle) -> Self {
        let metrics = runtime.metrics();
        Self {
            workers: metrics.num_workers(),
            tasks: metrics.num_alive_tasks(),
            queue: metrics.global_queue_depth(),
        }
    }
}

/// One namespace at one moment.
///
/// ```
/// use castalia_core::InMemory;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let memory = InMemory::new()?;
/// let config = memory.client().config("application").await?;
/// memory.set("application", "timeout", "soon").await?;
/// assert_eq!(config.get_or("timeout", 200), 200);
///
/// let namespace = &memory.client().metrics().namespaces[0];
/// assert_eq!(namespace.usage, 1);
/// assert_eq!(namespace.malformed_reads, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NamespaceMetrics {
    /// App id.
    pub app_id: String,
    /// Name of the namespace.
    pub namespace: String,
    /// Result of the last load.
    pub state: State,
    /// Origin of the values.
    pub source: Source,
    /// Number of keys.
    pub items: usize,
    /// Release key; empty unless the source is remote.
    pub release_key: String,
    /// Number of times it was opened.
    pub usage: u64,
    /// Duration of the first load; `None` while it is in progress.
    #[serde(rename = "first_load_us", serialize_with = "record::duration")]
    pub first_load: Option<Duration>,
    /// When the current values were loaded.
    #[serde(rename = "updated_at_us", serialize_with = "record::moment")]
    pub updated_at: SystemTime,
    /// When a server or a source function last answered; `None` if none ever did.
    #[serde(rename = "contacted_at_us", serialize_with = "record::optional_moment")]
    pub contacted_at: Option<SystemTime>,
    /// Number of failed listener calls.
    pub listener_failures: u64,
    /// Events waiting for listeners.
    pub listener_queue: usize,
    /// Events taken by listeners.
    #[serde(skip)]
    pub(crate) events_delivered: u64,
    /// Number of failed writes of the cache file.
    pub cache_failures: u64,
    /// Whether a long poll that included it timed out.
    pub poll_timed_out: bool,
    /// Number of releases rejected by a validator.
    pub refusals: u64,
    /// Number of malformed values, each counted once for a release.
    pub malformed_reads: u64,
    /// Error of the last load, or of parsing its document; `None` if both succeeded.
    pub last_error: Option<Error>,
}

/// Counters of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceMonitor {
    pub(crate) usage: AtomicU64,
    /// Shared by all namespaces of the client.
    errors: Arc<ErrorLog>,
    listener_failures: AtomicU64,
    cache_failures: AtomicU64,
    refusals: AtomicU64,
    // -1 while the first load is in progress.
    first_load_us: AtomicI64,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    state: State,
    contacted_at: Option<SystemTime>,
    last_error: Option<Error>,
    /// Release key that a validator rejected last.
    refused: Option<String>,
}

impl NamespaceMonitor {
    /// Counters at zero; errors are also recorded in the client's list.
    pub(crate) fn new(errors: Arc<ErrorLog>) -> Self {
        Self {
            errors,
            usage: AtomicU64::new(0),
            listener_failures: AtomicU64::new(0),
            cache_failures: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            first_load_us: AtomicI64::new(-1),
            progress: Mutex::new(Progress {
                state: State::Loading,
                contacted_at: None,
                last_error: None,
                refused: None,
            }),
        }
    }

    /// Result of the last load, regardless of the values being served.
    pub(crate) fn state(&self) -> State {
        self.lock().state
    }

    /// The state as applications see it, given the origin of the values being served.
    pub(crate) fn state_with(&self, served: Source) -> State {
        match self.state() {
            State::Failed(ErrorKind::Transport | ErrorKind::Timeout) if served == Source::None => {
                State::Unavailable
            }
            state => state,
        }
    }

    pub(crate) fn last_error(&self) -> Option<Error> {
        self.lock().last_error.clone()
    }

    /// Records that a server or a source function answered.
    pub(crate) fn contacted(&self) {
        self.lock().contacted_at = Some(SystemTime::now());
    }

    /// Records a successful load.
    pub(crate) fn ready(&self) {
        let mut progress = self.lock();
        progress.state = State::Ready;
        progress.last_error = None;
        // A rejected release that is published again later is reported again.
        progress.refused = None;
    }

    /// Records a failed load, or one whose values cannot be used.
    pub(crate) fn failed(&self, error: &Error) {
        let mut progress = self.lock();
        progress.state = State::Failed(error.kind());
        progress.last_error = Some(error.clone());
    }

    /// Adds an error to the client's list.
    pub(crate) fn record(&self, error: &Error) {
        self.errors.record(error);
    }

    /// Records a failed write of the cache file.
    pub(crate) fn cache_failed(&self, error: &Error) {
        self.cache_failures.fetch_add(1, Ordering::Relaxed);
        self.record(error);
    }

    /// Records a failed listener call.
    pub(crate) fn listener_failed(&self, namespace: &str) {
        self.listener_failures.fetch_add(1, Ordering::Relaxed);
        let text = "a change listener failed; it remains registered";
        let error = Error::new(ErrorKind::Internal, "change listener", text);
        self.record(&error.with("namespace", namespace));
    }

    /// Records a rejected release; false if it is the one that was rejected last.
    pub(crate) fn refused(&self, release_key: &str) -> bool {
        let mut progress = self.lock();
        let another = progress.refused.as_deref() != Some(release_key);
        if another {
            progress.refused = Some(release_key.to_owned());
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
        another
    }

    pub(crate) fn first_load_done(&self, after: Duration) {
        let micros = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        self.first_load_us.store(micros, Ordering::Relaxed);
    }

    /// All metrics of the namespace except the listeners' queues.
    pub(crate) fn metrics(&self, snapshot: &Snapshot) -> NamespaceMetrics {
        let state = self.state_with(snapshot.source());
        let progress = self.lock();
        let first_load = u64::try_from(self.first_load_us.load(Ordering::Relaxed)).ok();
        NamespaceMetrics {
            app_id: snapshot.identity().app_id.clone(),
            namespace: snapshot.namespace().to_owned(),
            state,
            source: snapshot.source(),
            items: snapshot.len(),
            release_key: snapshot.release_key().to_owned(),
            usage: self.usage.load(Ordering::Relaxed),
            first_load: first_load.map(Duration::from_micros),
            updated_at: snapshot.loaded_at(),
            contacted_at: progress.contacted_at,
            listener_failures: self.listener_failures.load(Ordering::Relaxed),
            listener_queue: 0,
            events_delivered: 0,
            cache_failures: self.cache_failures.load(Ordering::Relaxed),
            poll_timed_out: false,
            refusals: self.refusals.load(Ordering::Relaxed),
            malformed_reads: snapshot.malformed_reads(),
            last_error: progress.last_error.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The recent errors of a client.
#[derive(Debug)]
pub(crate) struct ErrorLog {
    limit: usize,
    count: AtomicU64,
    latest: Mutex<VecDeque<Error>>,
}

impl ErrorLog {
    /// Keeps the `limit` newest errors.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, count: AtomicU64::new(0), latest: Mutex::default() }
    }

    pub(crate) fn record(&self, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == self.limit {
            latest.pop_front();
        }
        latest.push_back(error.clone());
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn latest(&self) -> Vec<Error> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_25_errors_are_kept_and_all_are_counted() {
        let log = ErrorLog::new(25);
        for number in 0..40 {
            log.record(&Error::new(ErrorKind::Transport, "load", number.to_string()));
        }
        assert_eq!((log.count(), log.latest().len()), (40, 25));
        assert_eq!(log.latest()[0].message(), "15");
    }
}
