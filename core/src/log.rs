//! Hands log records to a foreign host: for programs in other languages, which cannot install a tracing subscriber.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use arc_swap::ArcSwapOption;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

/// One log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How much it matters.
    pub level: Level,
    /// Module that wrote it.
    pub target: &'static str,
    /// Message, with its fields behind it as `name=value`.
    pub text: String,
    /// The fields by name.
    pub fields: Vec<(&'static str, String)>,
}

/// What takes the records.
pub type Sink = Arc<dyn Fn(&Record) + Send + Sync>;

/// Replaced whole, so that a forked child finds no lock held.
static SINK: ArcSwapOption<(Level, Sink)> = ArcSwapOption::const_empty();
static INSTALL: Once = Once::new();
/// Whether somebody said where records go, or the default is in use.
static CHOSEN: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Set while the host logs: what it makes us log meanwhile is dropped, or it would never end.
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// Sends records of this level and above to the sink, from any thread; `None` sends them nowhere. Replaces the sink before.
///
/// Has no effect where the program has installed a subscriber of its own.
pub fn set(sink: Option<(Level, Sink)>) {
    CHOSEN.store(true, Ordering::SeqCst);
    install(sink);
}

/// Writes warnings and errors to standard error unless [`set`] was called, or is called later: for hosts without a logging of
/// their own, whose programs must not start without configuration and without a word.
pub fn warn_on_stderr_by_default() {
    if CHOSEN.swap(true, Ordering::SeqCst) {
        return;
    }
    let sink: Sink = Arc::new(|record: &Record| {
        // One write, so that lines of several threads do not mix. A closed standard error is nobody's fault.
        let line = format!("castalia: {}: {}\n", record.level, record.text);
        let _ = std::io::stderr().write_all(line.as_bytes());
    });
    install(Some((Level::WARN, sink)));
}

fn install(sink: Option<(Level, Sink)>) {
    SINK.store(sink.map(Arc::new));
    INSTALL.call_once(|| {
        // Fails where the program has a subscriber, which then has the records already.
        let _ = tracing::subscriber::set_global_default(SinkSubscriber);
    });
    tracing::callsite::rebuild_interest_cache();
}

fn sink_for(level: Level) -> Option<Sink> {
    let sink = SINK.load();
    let (threshold, sink) = sink.as_deref()?;
    (level <= *threshold).then(|| sink.clone())
}

/// The subscriber: events only, spans are not told.
struct SinkSubscriber;

impl Subscriber for SinkSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("castalia") && sink_for(*metadata.level()).is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let Some(sink) = sink_for(*metadata.level()) else {
            return;
        };
        if IN_SINK.replace(true) {
            return;
        }
        let mut builder = RecordBuilder::default();
        event.record(&mut builder);
        let record = builder.finish(*metadata.level(), metadata.target());
        // A sink that panics must not take what logged with it, nor silence this thread.
        let _ = catch_unwind(AssertUnwindSafe(|| sink(&record)));
        IN_SINK.set(false);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Message and fields of an event.
#[derive(Default)]
struct RecordBuilder {
    text: String,
    fields: Vec<(&'static str, String)>,
}

impl RecordBuilder {
    fn finish(mut self, level: Level, target: &'static str) -> Record {
        for (name, value) in &self.fields {
            let _ = write!(self.text, " {name}={value}");
        }
        Record { level, target, text: self.text, fields: self.fields }
    }
}

impl Visit for RecordBuilder {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.text = format!("{value:?}"),
            name => self.fields.push((name, format!("{value:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn records_reach_the_sink_and_never_come_back_to_it() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let records = seen.clone();
        let sink: Sink = Arc::new(move |record: &Record| {
            tracing::warn!(target: "castalia_core::log", "from the sink itself");
            records.lock().unwrap().push(record.clone());
            assert!(!record.text.starts_with("bad"), "as a faulty host does");
        });
        set(Some((Level::INFO, sink)));
        tracing::info!(target: "castalia_core::test_log", "bad");
        tracing::info!(target: "castalia_core::test_log", namespace = "a", count = 2, "hello");
        tracing::debug!(target: "castalia_core::test_log", "too fine");
        tracing::info!(target: "other", "not ours");
        set(None);
        let seen = seen.lock().unwrap();
        let texts: Vec<_> = seen.iter().map(|record| record.text.as_str()).collect();
        assert_eq!(texts, ["bad", "hello namespace=a count=2"]);
        assert_eq!(seen[1].fields, [("namespace", "a".to_owned()), ("count", "2".to_owned())]);
        assert_eq!(seen[1].target, "castalia_core::test_log");
    }
}
