//! What goes on in a client: counters, the same as text for a collector, and the settings that count.

use std::mem::MaybeUninit;

use castalia_core::{Metrics, NamespaceMetrics, Setting};

use crate::boundary::{CastaliaStr, guard, required};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;
use crate::snapshot::epoch_millis;

/// Counters of a client at one moment. Any number of threads may read them.
#[derive(Debug)]
pub struct CastaliaMetrics {
    totals: CastaliaTotals,
    namespaces: Vec<CastaliaNamespaceMetrics>,
    errors: Vec<String>,
    /// What the views above lie in.
    _source: Box<Metrics>,
}

/// Counters of a whole client. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaTotals {
    /// How many errors there were.
    pub error_count: u64,
    /// By how many milliseconds the servers' clock is ahead of this machine's.
    pub clock_skew_ms: i64,
    /// Poll loops whose last poll ended well.
    pub polls_connected: u64,
}

/// Counters of a namespace. Its texts live as long as the metrics. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaNamespaceMetrics {
    /// App id.
    pub app_id: CastaliaStr,
    /// Name.
    pub name: CastaliaStr,
    /// `Loading`, `Ready`, or the name of the kind of error that the last load failed with.
    pub state: CastaliaStr,
    /// `remote`, `local`, `static` or `none`.
    pub source: CastaliaStr,
    /// Identity of the release; empty unless the source is `remote`.
    pub release_key: CastaliaStr,
    /// Number of keys.
    pub items: u64,
    /// How often it was opened.
    pub usage: u64,
    /// Milliseconds that the first load took; -1 while it is under way.
    pub first_load_ms: i64,
    /// When the content last changed, in milliseconds since 1970 (UTC).
    pub updated_at: i64,
    /// When a server last answered, likewise; -1 for never.
    pub contacted_at: i64,
    /// How often a listener failed.
    pub listener_failures: u64,
    /// Events that wait for listeners.
    pub listener_queue: u64,
    /// How often the cache file could not be written.
    pub cache_failures: u64,
    /// Releases that the application refused.
    pub refusals: u64,
}

/// One effective setting. Its texts live as long as the list. Later versions append fields.
#[repr(C)]
#[derive(Debug)]
pub struct CastaliaSetting {
    /// Property name.
    pub name: CastaliaStr,
    /// Value; a secret is `***`, and empty means unset.
    pub value: CastaliaStr,
    /// Where the value came from.
    pub origin: CastaliaStr,
    /// The name under which it was found there.
    pub found_as: CastaliaStr,
    /// What it is for, with its unit.
    pub meaning: CastaliaStr,
}

/// The effective settings of a client.
#[derive(Debug)]
pub struct CastaliaSettingList {
    settings: Vec<CastaliaSetting>,
    /// What the views above lie in.
    _source: Vec<Setting>,
}

/// A text of its own.
#[derive(Debug)]
pub struct CastaliaText(String);

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
        let source = Box::new(client.get()?.metrics());
        out.write(Box::new(CastaliaMetrics {
            totals: CastaliaTotals {
                error_count: source.error_count,
                clock_skew_ms: source.clock_skew_ms,
                polls_connected: source.polls_connected,
            },
            namespaces: source.namespaces.iter().map(CastaliaNamespaceMetrics::new).collect(),
            errors: source.errors.iter().map(ToString::to_string).collect(),
            _source: source,
        }));
        Ok(())
    })
}

/// The counters of the client itself; NULL for NULL. They live as long as the metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_totals(
    metrics: Option<&CastaliaMetrics>,
) -> Option<&CastaliaTotals> {
    metrics.map(|metrics| &metrics.totals)
}

/// The counters of the open namespace at a place; NULL from their number on. They live as long as the metrics.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_namespace(
    metrics: Option<&CastaliaMetrics>,
    index: usize,
) -> Option<&CastaliaNamespaceMetrics> {
    metrics?.namespaces.get(index)
}

/// The error at a place among the latest ones, oldest first; NULL from their number on.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_metrics_error(
    metrics: Option<&CastaliaMetrics>,
    index: usize,
) -> CastaliaStr {
    let error = metrics.and_then(|metrics| metrics.errors.get(index));
    CastaliaStr::of_option(error.map(String::as_str))
}

/// Releases metrics and what was read from them.
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
        out.write(Box::new(CastaliaText(client.get()?.metrics_text())));
        Ok(())
    })
}

/// The text itself; it lives as long as the object. Empty for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_view(text: Option<&CastaliaText>) -> CastaliaStr {
    CastaliaStr::of(text.map_or("", |text| &text.0))
}

/// Releases a text.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_text_release(text: Option<Box<CastaliaText>>) {
    drop(text);
}

/// Every effective setting of a client and where it came from; secrets are masked.
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

/// The setting at a place; NULL from their number on.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_setting_list_get(
    settings: Option<&CastaliaSettingList>,
    index: usize,
) -> Option<&CastaliaSetting> {
    settings?.settings.get(index)
}

/// Releases a list of settings and what was read from it.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_setting_list_release(settings: Option<Box<CastaliaSettingList>>) {
    drop(settings);
}

impl CastaliaNamespaceMetrics {
    fn new(metrics: &NamespaceMetrics) -> Self {
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
