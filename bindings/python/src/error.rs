//! Errors as exceptions: one class for each kind, defined by `castalia._errors` under the name of
//! the kind.

use castalia_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::IntoPyDict as _;

/// The exception of an error of the client.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` passes it")]
pub(crate) fn exception(error: Error) -> PyErr {
    // Attached already: errors become exceptions where a call returns to Python.
    let created = Python::attach(|py| {
        let context = error.context().into_py_dict(py)?;
        let fields = (error.kind().name(), error.to_string(), error.operation(), context);
        py.import("castalia._errors")?.call_method1("error_of", fields).map(PyErr::from_value)
    });
    created.unwrap_or_else(|failure| failure)
}

/// Name and code of every kind.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<(&'static str, i32)> {
    ErrorKind::ALL.into_iter().map(|kind| (kind.name(), kind.code())).collect()
}
