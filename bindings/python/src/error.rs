//! Errors as exceptions: one class for each kind, defined by `castalia._errors` under the name of
//! the kind.

use std::collections::BTreeMap;

use castalia_core::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// An error of the client, which Python receives as the exception of its kind.
pub(crate) struct Raised(pub(crate) Error);

impl From<Error> for Raised {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Raised> for PyErr {
    fn from(Raised(error): Raised) -> Self {
        let context = error.context().map(|(name, value)| (name, value.to_owned()));
        let context: BTreeMap<_, _> = context.collect();
        // Attached already: errors become exceptions where a call returns to Python.
        Python::attach(|py| match class_of(py, error.kind()) {
            Ok(class) => PyErr::from_type(class, (error.to_string(), error.operation(), context)),
            Err(failure) => failure,
        })
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
