//! State, counters and last errors: what is going on, to be read at any time. Decides nothing.

mod text;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime::Handle;

use crate::error::{Error, ErrorKind};
use crate::snapshot::{Snapshot, Source};
use crate::transport::HttpMetrics;

/// How a namespace stands with the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The first load is under way.
    Loading,
    /// The last load worked, or nothing is to be loaded.
    Ready,
    /// No server answers and there is no cache file: nothing is loaded, and reads return their defaults.
    Unavailable,
    /// The last load failed in this way; reads answer from what was there before.
    Failed(ErrorKind),
}

impl State {
    /// Stable name: `Loading`, `Ready`, `Unavailable`, or that of the error kind.
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

/// The counters of a client at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Metrics {
    /// Every open namespace, by app id and name.
    pub namespaces: Vec<NamespaceMetrics>,
    /// The latest errors, oldest first; 25 unless set.
    pub errors: Vec<Error>,
    /// How many errors there were.
    pub error_count: u64,
    /// By how many milliseconds the servers' clock is ahead of this machine's.
    pub clock_skew_ms: i64,
    /// Requests by endpoint and status.
    pub http: Vec<HttpMetrics>,
    /// Poll loops whose last poll ended well.
    pub polls_connected: u64,
    /// Threads and tasks of the runtime; `None` before the first namespace is opened.
    pub threads: Option<ThreadMetrics>,
}

/// The runtime at one moment, with whatever else runs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadMetrics {
    /// Worker threads.
    pub workers: usize,
    /// Tasks that live.
    pub tasks: usize,
    /// Tasks that wait for a worker.
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NamespaceMetrics {
    /// App id.
    pub app_id: String,
    /// Name.
    pub namespace: String,
    /// How it stands with the servers.
    pub state: State,
    /// Where the content came from.
    pub source: Source,
    /// Number of keys.
    pub items: usize,
    /// NamespaceKey of the release; empty unless the source is remote.
    pub release_key: String,
    /// How often it was opened.
    pub usage: u64,
    /// How long the first load took; `None` while it is under way.
    pub first_load: Option<Duration>,
    /// When the content last changed.
    pub updated_at: SystemTime,
    /// When a server last answered.
    pub contacted_at: Option<SystemTime>,
    /// How often a listener failed.
    pub listener_failures: u64,
    /// Events that wait for listeners.
    pub listener_queue: usize,
    /// Events that listeners took.
    pub(crate) events_delivered: u64,
    /// How often the cache file could not be written.
    pub cache_failures: u64,
    /// Whether a poll for it was met with silence.
    pub poll_timed_out: bool,
    /// Releases that the application refused.
    pub refusals: u64,
    /// Values that were not of the type they were read as, each once for a release.
    pub malformed_reads: u64,
    /// Why the last load failed, or what is wrong with what it brought; `None` once all is well.
    pub last_error: Option<Error>,
}

/// Counters of one namespace.
#[derive(Debug)]
pub(crate) struct NamespaceMonitor {
    pub(crate) usage: AtomicU64,
    /// Those of the client.
    errors: Arc<ErrorLog>,
    listener_failures: AtomicU64,
    cache_failures: AtomicU64,
    refusals: AtomicU64,
    first_load_ms: AtomicI64,
    progress: Mutex<Progress>,
}

#[derive(Debug)]
struct Progress {
    state: State,
    contacted_at: Option<SystemTime>,
    last_error: Option<Error>,
    /// Release that the application refused last.
    refused: Option<String>,
}

impl NamespaceMonitor {
    /// Nothing happened yet; what goes wrong is noted among the errors of the client as well.
    pub(crate) fn new(errors: Arc<ErrorLog>) -> Self {
        Self {
            errors,
            usage: AtomicU64::new(0),
            listener_failures: AtomicU64::new(0),
            cache_failures: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            first_load_ms: AtomicI64::new(-1),
            progress: Mutex::new(Progress {
                state: State::Loading,
                contacted_at: None,
                last_error: None,
                refused: None,
            }),
        }
    }

    /// How loading went, whatever is served meanwhile.
    pub(crate) fn state(&self) -> State {
        self.lock().state
    }

    /// How the namespace stands while this content is served.
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

    /// A server answered.
    pub(crate) fn contacted(&self) {
        self.lock().contacted_at = Some(SystemTime::now());
    }

    /// All is well: what could be loaded is loaded.
    pub(crate) fn ready(&self) {
        let mut progress = self.lock();
        progress.state = State::Ready;
        progress.last_error = None;
        // A release that was refused before, and is published again, counts anew.
        progress.refused = None;
    }

    /// A load failed, or brought what is of no use.
    pub(crate) fn failed(&self, error: &Error) {
        let mut progress = self.lock();
        progress.state = State::Failed(error.kind());
        progress.last_error = Some(error.clone());
    }

    /// Counts an error among those of the client.
    pub(crate) fn record(&self, error: &Error) {
        self.errors.record(error);
    }

    /// The cache file could not be written.
    pub(crate) fn cache_failed(&self, error: &Error) {
        self.cache_failures.fetch_add(1, Ordering::Relaxed);
        self.record(error);
    }

    /// A listener failed.
    pub(crate) fn listener_failed(&self, namespace: &str) {
        self.listener_failures.fetch_add(1, Ordering::Relaxed);
        let text = "a change listener failed; it stays registered";
        let error = Error::new(ErrorKind::Internal, "change listener", text);
        self.record(&error.with("namespace", namespace));
    }

    /// The application refused a release; true when it is another than the last one refused.
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
        let millis = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
        self.first_load_ms.store(millis, Ordering::Relaxed);
    }

    /// Everything there is to say of the namespace now, but for its listeners' queues.
    pub(crate) fn metrics(&self, snapshot: &Snapshot) -> NamespaceMetrics {
        let state = self.state_with(snapshot.source());
        let progress = self.lock();
        let first_load = u64::try_from(self.first_load_ms.load(Ordering::Relaxed)).ok();
        NamespaceMetrics {
            app_id: snapshot.identity().app_id.clone(),
            namespace: snapshot.namespace().to_owned(),
            state,
            source: snapshot.source(),
            items: snapshot.len(),
            release_key: snapshot.release_key().to_owned(),
            usage: self.usage.load(Ordering::Relaxed),
            first_load: first_load.map(Duration::from_millis),
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

/// The latest errors of a client.
#[derive(Debug)]
pub(crate) struct ErrorLog {
    limit: usize,
    count: AtomicU64,
    latest: Mutex<VecDeque<Error>>,
}

impl ErrorLog {
    /// Keeps so many errors.
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
        // C124
        let log = ErrorLog::new(25);
        for number in 0..40 {
            log.record(&Error::new(ErrorKind::Transport, "load", number.to_string()));
        }
        assert_eq!((log.count(), log.latest().len()), (40, 25));
        assert_eq!(log.latest()[0].message(), "15");
    }
}
