//! Passes log records to a foreign host, for programs in other languages that cannot install a
//! `tracing` subscriber.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use arc_swap::ArcSwapOption;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Metadata, Subscriber};

/// One log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Severity.
    pub level: Level,
    /// Module that logged it.
    pub target: &'static str,
    /// Message, followed by the fields as `name=value`.
    pub text: String,
    /// Fields by name.
    pub fields: Vec<(&'static str, String)>,
}

/// Function that receives the records.
pub type Sink = Arc<dyn Fn(&Record) + Send + Sync>;

/// Where the records of this process go.
struct Destination {
    sink: Option<(Level, Sink)>,
    #[cfg_attr(not(feature = "host"), expect(dead_code, reason = "only hosts have defaults"))]
    is_default: bool,
}

/// The destination, empty until the program or its host has chosen one. Replaced as a whole instead
/// of locked, so that a forked child never finds a lock held.
struct DestinationCell(ArcSwapOption<Destination>);

impl DestinationCell {
    fn set(&self, sink: Option<(Level, Sink)>) {
        self.0.store(Some(Arc::new(Destination { sink, is_default: false })));
    }

    /// Returns whether a default is in use; the first one remains.
    #[cfg(feature = "host")]
    fn set_default(&self, level: Level, sink: Sink) -> bool {
        let default = Arc::new(Destination { sink: Some((level, sink)), is_default: true });
        let previous = self.0.compare_and_swap(&None::<Arc<Destination>>, Some(default));
        previous.as_ref().is_none_or(|previous| previous.is_default)
    }

    fn sink_for(&self, level: Level) -> Option<Sink> {
        let destination = self.0.load();
        let (threshold, sink) = destination.as_ref()?.sink.as_ref()?;
        (level <= *threshold).then(|| sink.clone())
    }
}

static DESTINATION: DestinationCell = DestinationCell(ArcSwapOption::const_empty());
static INSTALL: Once = Once::new();

thread_local! {
    /// True while the sink runs on this thread. Records logged by the sink are dropped, or it would
    /// call itself without end.
    static IN_SINK: Cell<bool> = const { Cell::new(false) };
}

/// Passes records of this level and above to a sink, on any thread; `None` drops them. Replaces the
/// previous sink.
///
/// Has no effect if the program has installed a `tracing` subscriber.
///
/// ```
/// use std::sync::Arc;
/// use castalia_core::log::{self, Record};
///
/// let sink = Arc::new(|record: &Record| println!("{} {}", record.level, record.text));
/// log::set(Some((tracing::Level::WARN, sink)));
/// ```
pub fn set(sink: Option<(Level, Sink)>) {
    DESTINATION.set(sink);
    install();
}

/// Passes records to a sink as long as the program does not call [`set`]; the first default remains.
/// Returns whether a default is in use.
#[cfg(feature = "host")]
pub(crate) fn set_default(level: Level, sink: Sink) -> bool {
    let is_default = DESTINATION.set_default(level, sink);
    // Also if another thread has set it, which may not have installed it yet.
    install();
    is_default
}

fn install() {
    INSTALL.call_once(|| {
        // Fails if the program has a subscriber, which then receives the records itself.
        let _ = tracing::subscriber::set_global_default(SinkSubscriber);
    });
    // `tracing` caches which call sites are enabled; the new sink may have another level.
    tracing::callsite::rebuild_interest_cache();
}

/// Calls a sink; what it logs is dropped.
pub(crate) fn pass(record: &Record, sink: impl Fn(&Record)) {
    IN_SINK.set(true);
    // A panic in the sink must neither reach the code that logged nor leave the flag set.
    let _ = catch_unwind(AssertUnwindSafe(|| sink(record)));
    IN_SINK.set(false);
}

/// A subscriber for events; spans are ignored.
struct SinkSubscriber;

impl Subscriber for SinkSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The host receives records of this library only, not those of its dependencies.
        metadata.target().starts_with("castalia")
            && DESTINATION.sink_for(*metadata.level()).is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Span ids are never used, but must not be 0.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &SpanRecord<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let Some(sink) = DESTINATION.sink_for(*metadata.level()) else {
            return;
        };
        if IN_SINK.get() {
            return;
        }
        let mut builder = RecordBuilder::default();
        event.record(&mut builder);
        pass(&builder.finish(*metadata.level(), metadata.target()), &*sink);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Collects the message and the fields of an event.
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

    #[cfg(feature = "host")]
    #[test]
    fn a_default_is_used_until_the_program_sets_a_sink() {
        let cell = DestinationCell(ArcSwapOption::empty());
        let sink = || -> Sink { Arc::new(|_| {}) };
        assert!(cell.set_default(Level::WARN, sink()) && cell.set_default(Level::INFO, sink()));
        assert!(cell.sink_for(Level::WARN).is_some() && cell.sink_for(Level::INFO).is_none());
        cell.set(None);
        assert!(!cell.set_default(Level::WARN, sink()));
        assert!(cell.sink_for(Level::ERROR).is_none());
    }

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
