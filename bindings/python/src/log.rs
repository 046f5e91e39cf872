//! Passes log records to Python.

use std::collections::BTreeMap;

use castalia_core::host::log::{self as host_log, deliver, level};
use castalia_core::log;
use pyo3::prelude::*;

use crate::error::exception;
use crate::gate;

/// Calls `logger(level, target, text, fields)` for each record of this level and above; `None` ends
/// this.
#[pyfunction]
#[pyo3(signature = (logger: "Callable[[str, str, str, dict[str, str]], None] | None", level))]
pub(crate) fn set_log(logger: Option<Py<PyAny>>, level: &str) -> PyResult<()> {
    let level = self::level(level).map_err(exception)?;
    log::set(logger.map(|logger| (level, sink(logger))));
    Ok(())
}

/// Calls `logger` for warnings and errors, unless `set_log` was or is called.
#[pyfunction]
#[pyo3(signature = (logger: "Callable[[str, str, str, dict[str, str]], None]"))]
pub(crate) fn warn_by_default(logger: Py<PyAny>) {
    host_log::warn_by_default(sink(logger));
}

fn sink(logger: Py<PyAny>) -> log::Sink {
    deliver(move |record| {
        gate::enter(|py| {
            let fields: BTreeMap<_, _> = record.fields.iter().cloned().collect();
            let arguments = (record.level.as_str(), record.target, &record.text, fields);
            if let Err(error) = logger.call1(py, arguments) {
                error.write_unraisable(py, None);
            }
        });
    })
}
