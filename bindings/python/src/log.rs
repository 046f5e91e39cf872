//! Passes log records to Python. They are queued, because a network thread must not wait for the
//! interpreter lock.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use castalia_core::blocking;
use castalia_core::host::fork;
use castalia_core::log::{self, Record};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::sync::mpsc;
use tracing::Level;

use crate::gate;

/// Maximum number of waiting records; further ones are dropped.
const QUEUE: usize = 1024;

thread_local! {
    /// True while Python logs on this thread. Records that this causes are dropped, or it would
    /// never end.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `logger(level, target, text, fields)` for each record of this level and above; `None` ends
/// this. Starts no thread before the first record.
#[pyfunction]
pub(crate) fn set_log(logger: Option<Py<PyAny>>, level: &str) -> PyResult<()> {
    let level = level.parse::<Level>();
    let level = level.map_err(|_| PyValueError::new_err("the level is not one of logging's"))?;
    let sink = logger.map(|logger| {
        let (logger, queue) = (Arc::new(logger), ArcSwapOption::<Queue>::empty());
        let sink = move |record: &Record| {
            if !LOGGING.get() {
                pass_on(&queue, &logger, record);
            }
        };
        (level, Arc::new(sink) as log::Sink)
    });
    log::set(sink);
    Ok(())
}

/// The waiting records, and the process whose task delivers them: a forked child has no such task.
struct Queue {
    forks: u32,
    records: mpsc::Sender<Record>,
}

fn pass_on(queue: &ArcSwapOption<Queue>, logger: &Arc<Py<PyAny>>, record: &Record) {
    let known = queue.load_full().filter(|queue| queue.forks == fork::forks());
    // Two threads may create a queue each at the same time; both are delivered.
    let known = known.or_else(|| {
        let made = Arc::new(deliver_to(logger.clone())?);
        queue.store(Some(made.clone()));
        Some(made)
    });
    if let Some(queue) = known {
        let _ = queue.records.try_send(record.clone());
    }
}

/// A new queue, whose records are passed to Python one at a time.
fn deliver_to(logger: Arc<Py<PyAny>>) -> Option<Queue> {
    let (records, mut waiting) = mpsc::channel::<Record>(QUEUE);
    let runtime = blocking::runtime().ok()?;
    let threads = runtime.clone();
    runtime.spawn(async move {
        while let Some(record) = waiting.recv().await {
            let logger = logger.clone();
            let _ = threads.spawn_blocking(move || emit(&logger, &record)).await;
        }
    });
    Some(Queue { forks: fork::forks(), records })
}

fn emit(logger: &Py<PyAny>, record: &Record) {
    gate::enter(|py| {
        LOGGING.set(true);
        let fields: BTreeMap<_, _> = record.fields.iter().cloned().collect();
        let emitted =
            logger.call1(py, (record.level.as_str(), record.target, &record.text, fields));
        LOGGING.set(false);
        if let Err(error) = emitted {
            error.write_unraisable(py, None);
        }
    });
}
