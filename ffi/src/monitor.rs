//! Monitoring of a client: counters, the same as text, and effective settings.

use std::mem::MaybeUninit;

use castalia_core::transport::HttpMetrics;
use castalia_core::{Metrics, NamespaceMetrics, Setting, ThreadMetrics};

use crate::boundary::{CastaliaStr, guard, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::snapshot::epoch_millis;

/// Counters of a client at one moment. Any number of threads may read them.
#[derive(Debug)]
pub struct CastaliaMetrics {
    totals: CastaliaTotals,
    namespaces: Vec<CastaliaNamespaceMetrics>,
    http: Vec<CastaliaHttpMetrics>,
    threads: Option<CastaliaThreadMetrics>,
    errors: Vec<String>,
    /// Owns the errors that the views above refer to.
    _last_errors: Vec<Option<Box<CastaliaError>>>,
    /// Owns the texts that the views above refer to.
    _source: Box<Metrics>,
}

/// Counters of the client as a whole. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaTotals {
    /// Number of errors since the start.
    pub error_count: u64,
    /// Milliseconds by which the servers' clock is ahead of this machine's.
    pub clock_skew_ms: i64,
    /// Poll loops whose last request succeeded.
    pub polls_connected: u64,
}

/// Counters of a namespace. Its texts are valid as long as the metrics. Later versions append
/// fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaNamespaceMetrics {
    /// App id.
    pub app_id: CastaliaStr,
    /// Name.
    pub name: CastaliaStr,
    /// `Loading`, `Ready`, `Unavailable`, or the name of the error's kind.
    pub state: CastaliaStr,
    /// `remote`, `local`, `static` or `none`.
    pub source: CastaliaStr,
    /// Release key; empty unless the source is `remote`.
    pub release_key: CastaliaStr,
    /// Number of keys.
    pub items: u64,
    /// Number of times it was opened.
    pub usage: u64,
    /// Duration of the first load in milliseconds; -1 while it is in progress.
    pub first_load_ms: i64,
    /// When the current values were loaded, in milliseconds since 1970 (UTC).
    pub updated_at: i64,
    /// When a server last answered, in milliseconds since 1970 (UTC); -1 if none ever did.
    pub contacted_at: i64,
    /// Number of failed listener calls.
    pub listener_failures: u64,
    /// Events waiting for listeners.
    pub listener_queue: u64,
    /// Number of failed writes of the cache file.
    pub cache_failures: u64,
    /// Number of releases rejected by a validator.
    pub refusals: u64,
    /// 1 if a long poll that included it timed out, else 0.
    pub poll_timed_out: i32,
    /// Number of malformed values, each counted once for a release.
    pub malformed_reads: u64,
    /// Error of the last load, or of parsing its document; NULL if both succeeded. Owned by the
    /// metrics.
    pub last_error: *const CastaliaError,
}

/// Requests to one endpoint with one status. Its text is valid as long as the metrics. Later
/// versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaHttpMetrics {
    /// First part of the path: `configs`, `notifications` or `services`.
    pub endpoint: CastaliaStr,
    /// Status; 0 if none arrived.
    pub status: i32,
    /// Number of requests.
    pub count: u64,
    /// Sum of their durations in microseconds.
    pub time_us: u64,
}

/// Threads and tasks of the library, shared by all clients. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaThreadMetrics {
    /// Worker threads.
    pub workers: u64,
    /// Tasks that have not ended.
    pub tasks: u64,
    /// Tasks waiting for a worker.
    pub queue: u64,
}

/// One effective setting. Its texts are valid as long as the list. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaSetting {
    /// Property name.
    pub name: CastaliaStr,
    /// The value; `***` for secrets, empty if unset.
    pub value: CastaliaStr,
    /// Origin of the value.
    pub origin: CastaliaStr,
    /// The name under which it was found.
    pub found_as: CastaliaStr,
    /// Description, with the unit.
    pub meaning: CastaliaStr,
}

/// The effective settings of a client.
#[derive(Debug)]
pub struct CastaliaSettingList {
    settings: Vec<CastaliaSetting>,
    /// Owns the texts that the views above refer to.
    _source: Vec<Setting>,
}

/// A text that the caller releases.
#[derive(Debug)]
pub struct CastaliaText(String);

impl CastaliaText {
    pub(crate) fn new(text: String) -> Box<Self> {
        Box::new(Self(text))
    }
}

/// State and counters of a client.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_client_metrics(
    client: CastaliaClient,
    metrics: Option<&mut MaybeUninit<Box<CastaliaMetrics>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let out = required(metrics)?;
        out.write(CastaliaMetrics::new(Box::new(client.get()?.metrics())));
        Ok(())
    })
}

/// Counters of the client as a whole; NULL for NULL. Valid as long as the metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_totals(
    metrics: Option<&CastaliaMetrics>,
) -> Option<&CastaliaTotals> {
    metrics.map(|metrics| &metrics.totals)
}

/// Counters of the open namespace at an index; NULL beyond the last one. Valid as long as the
/// metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_namespace(
    metrics: Option<&CastaliaMetrics>,
    index: usize,
) -> Option<&CastaliaNamespaceMetrics> {
    metrics?.namespaces.get(index)
}

/// Requests at an index, by endpoint and status; NULL beyond the last one. Valid as long as the
/// metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_http(
    metrics: Option<&CastaliaMetrics>,
    index: usize,
) -> Option<&CastaliaHttpMetrics> {
    metrics?.http.get(index)
}

/// The threads; NULL before the first namespace is opened, and for NULL. Valid as long as the
/// metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_threads(
    metrics: Option<&CastaliaMetrics>,
) -> Option<&CastaliaThreadMetrics> {
    metrics?.threads.as_ref()
}

/// The error at an index among the recent ones, oldest first; NULL beyond the last one.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_error(
    metrics: Option<&CastaliaMetrics>,
    index: usize,
) -> CastaliaStr {
    let error = metrics.and_then(|metrics| metrics.errors.get(index));
    CastaliaStr::of_option(error.map(String::as_str))
}

/// Releases metrics and everything that was read from them.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_release(metrics: Option<Box<CastaliaMetrics>>) {
    drop(metrics);
}

/// The metrics of a client as OpenMetrics text.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_client_metrics_text(
    client: CastaliaClient,
    text: Option<&mut MaybeUninit<Box<CastaliaText>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let out = required(text)?;
        out.write(CastaliaText::new(client.get()?.metrics_text()));
        Ok(())
    })
}

/// The text; empty for NULL. Valid as long as the object.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_view(text: Option<&CastaliaText>) -> CastaliaStr {
    CastaliaStr::of(text.map_or("", |text| &text.0))
}

/// Releases a text.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_release(text: Option<Box<CastaliaText>>) {
    drop(text);
}

/// Every effective setting of a client and its origin. Secrets are masked.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_client_settings(
    client: CastaliaClient,
    settings: Option<&mut MaybeUninit<Box<CastaliaSettingList>>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let out = required(settings)?;
        let source = client.get()?.settings().to_vec();
        let settings = source.iter().map(CastaliaSetting::new).collect();
        out.write(Box::new(CastaliaSettingList { settings, _source: source }));
        Ok(())
    })
}

/// The setting at an index; NULL beyond the last one.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_setting_list_get(
    settings: Option<&CastaliaSettingList>,
    index: usize,
) -> Option<&CastaliaSetting> {
    settings?.settings.get(index)
}

/// Releases a list of settings and everything that was read from it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_setting_list_release(settings: Option<Box<CastaliaSettingList>>) {
    drop(settings);
}

impl CastaliaMetrics {
    fn new(source: Box<Metrics>) -> Box<Self> {
        let last_error = |one: &NamespaceMetrics| one.last_error.as_ref().map(CastaliaError::boxed);
        let last_errors: Vec<_> = source.namespaces.iter().map(last_error).collect();
        let namespaces = source.namespaces.iter().zip(&last_errors);
        Box::new(Self {
            totals: CastaliaTotals {
                error_count: source.error_count,
                clock_skew_ms: source.clock_skew_ms,
                polls_connected: source.polls_connected,
            },
            namespaces: namespaces
                .map(|(one, last)| CastaliaNamespaceMetrics::new(one, last.as_deref()))
                .collect(),
            http: source.http.iter().map(CastaliaHttpMetrics::new).collect(),
            threads: source.threads.map(CastaliaThreadMetrics::new),
            errors: source.errors.iter().map(ToString::to_string).collect(),
            _last_errors: last_errors,
            _source: source,
        })
    }
}

impl CastaliaHttpMetrics {
    fn new(metrics: &HttpMetrics) -> Self {
        Self {
            endpoint: CastaliaStr::of(&metrics.endpoint),
            status: metrics.status.into(),
            count: metrics.count,
            time_us: u64::try_from(metrics.time.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl CastaliaThreadMetrics {
    fn new(metrics: ThreadMetrics) -> Self {
        Self {
            workers: metrics.workers as u64,
            tasks: metrics.tasks as u64,
            queue: metrics.queue as u64,
        }
    }
}

impl CastaliaNamespaceMetrics {
    fn new(metrics: &NamespaceMetrics, last_error: Option<&CastaliaError>) -> Self {
        let first_load = metrics.first_load.and_then(|time| i64::try_from(time.as_millis()).ok());
        Self {
            app_id: CastaliaStr::of(&metrics.app_id),
            name: CastaliaStr::of(&metrics.namespace),
            state: CastaliaStr::of(metrics.state.name()),
            source: CastaliaStr::of(metrics.source.name()),
            release_key: CastaliaStr::of(&metrics.release_key),
            items: metrics.items as u64,
            usage: metrics.usage,
            first_load_ms: first_load.unwrap_or(-1),
            updated_at: epoch_millis(metrics.updated_at),
            contacted_at: metrics.contacted_at.map_or(-1, epoch_millis),
            listener_failures: metrics.listener_failures,
            listener_queue: metrics.listener_queue as u64,
            cache_failures: metrics.cache_failures,
            refusals: metrics.refusals,
            poll_timed_out: metrics.poll_timed_out.into(),
            malformed_reads: metrics.malformed_reads,
            last_error: last_error.map_or(std::ptr::null(), std::ptr::from_ref),
        }
    }
}

impl CastaliaSetting {
    fn new(setting: &Setting) -> Self {
        Self {
            name: CastaliaStr::of(setting.name),
            value: CastaliaStr::of(&setting.value),
            origin: CastaliaStr::of(setting.origin.name()),
            found_as: CastaliaStr::of(&setting.found_as),
            meaning: CastaliaStr::of(setting.meaning),
        }
    }
}
