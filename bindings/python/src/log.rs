//! Log records into Python: they are queued, since a network thread must not wait for the interpreter lock.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use castalia_core::blocking;
use castalia_core::log::{self, Record};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tokio::sync::mpsc;
use tracing::Level;

use crate::error::raised;
use crate::gate;

/// Records that may wait; more are dropped.
const QUEUE: usize = 1024;

thread_local! {
    /// Set while Python logs: what it makes us log meanwhile is dropped, or it would never end.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `logger(level, target, text, fields)` for each record of this level and the more important ones; `None` for nothing.
#[pyfunction]
pub(crate) fn set_log(py: Python<'_>, logger: Option<Py<PyAny>>, level: &str) -> PyResult<()> {
    let level = level.parse::<Level>();
    let level = level.map_err(|_| PyValueError::new_err("the level is none of logging's"))?;
    let Some(logger) = logger else {
        log::set(None);
        return Ok(());
    };
    let (sender, mut records) = mpsc::channel::<Record>(QUEUE);
    let runtime = blocking::runtime().map_err(|error| raised(py, &error))?;
    let (logger, threads) = (Arc::new(logger), runtime.clone());
    runtime.spawn(async move {
        while let Some(record) = records.recv().await {
            let logger = logger.clone();
            let _ = threads.spawn_blocking(move || tell(&logger, &record)).await;
        }
    });
    let sink = move |record: &Record| {
        if !LOGGING.get() {
            let _ = sender.try_send(record.clone());
        }
    };
    log::set(Some((level, Arc::new(sink))));
    Ok(())
}

fn tell(logger: &Py<PyAny>, record: &Record) {
    gate::enter(|py| {
        LOGGING.set(true);
        let fields: BTreeMap<_, _> = record.fields.iter().cloned().collect();
        let told = logger.call1(py, (record.level.as_str(), record.target, &record.text, fields));
        LOGGING.set(false);
        if let Err(error) = told {
            error.write_unraisable(py, None);
        }
    });
}
