//! Passes log records to Python.

use std::collections::BTreeMap;

use castalia_core::host::log::{deliver, level};
use castalia_core::log::{self, Record};
use pyo3::prelude::*;

use crate::error::Raised;
use crate::gate;

/// Calls `logger(level, target, text, fields)` for each record of this level and above; `None` ends
/// this.
#[pyfunction]
#[pyo3(signature = (logger: "Callable[[str, str, str, dict[str, str]], None] | None", level))]
pub(crate) fn set_log(logger: Option<Py<PyAny>>, level: &str) -> Result<(), Raised> {
    let level = self::level(level)?;
    log::set(logger.map(|logger| (level, deliver(move |record| emit(&logger, record)))));
    Ok(())
}

fn emit(logger: &Py<PyAny>, record: &Record) {
    gate::enter(|py| {
        let fields: BTreeMap<_, _> = record.fields.iter().cloned().collect();
        let arguments = (record.level.as_str(), record.target, &record.text, fields);
        if let Err(error) = logger.call1(py, arguments) {
            error.write_unraisable(py, None);
        }
    });
}
