//! Errors as exceptions: one class for each kind, defined by `castalia._errors` under the name of
//! the kind.

use std::collections::BTreeMap;

use castalia_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The exception of an error.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let context = error.context().map(|(name, value)| (name, value.to_owned()));
    let context: BTreeMap<_, _> = context.collect();
    match class_of(py, error.kind()) {
        Ok(class) => PyErr::from_type(class, (error.to_string(), error.operation(), context)),
        Err(failure) => failure,
    }
}

fn class_of(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    let module = py.import("castalia._errors")?;
    let class = module.getattr(format!("{}Error", kind.name()))?;
    Ok(class.cast_into()?)
}

/// Name and code of every kind.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<(&'static str, i32)> {
    ErrorKind::ALL.into_iter().map(|kind| (kind.name(), kind.code())).collect()
}
