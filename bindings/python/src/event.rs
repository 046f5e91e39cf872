//! Snapshots and events as plain Python objects, from which `castalia` creates its classes.

use std::sync::Arc;

use castalia_core::host::read::KeptSnapshot;
use castalia_core::{ChangeEvent, Snapshot};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict as _, PyString};

use crate::error::exception;
use crate::value::{self, Found, OUT_OF_RANGE, ValueType, moment};

/// A snapshot, kept as long as Python needs it.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct View(KeptSnapshot);

impl View {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self(KeptSnapshot::new(snapshot))
    }
}

#[pymethods]
impl View {
    /// Like `Namespace._read`.
    #[pyo3(signature = (value_type: "ValueType[_T]", key) -> "_T | None")]
    pub(crate) fn read<'py>(
        &self,
        value_type: ValueType,
        key: &Bound<'py, PyString>,
    ) -> Found<'py> {
        let py = key.py();
        // No key of the core has a lone surrogate.
        let Ok(key) = key.to_cow() else { return Ok(None) };
        let value = value::read(py, &self.0.origin(&key), value_type, &key)?;
        value.transpose().map_err(|_| self.malformed(&key, OUT_OF_RANGE))
    }

    /// The value of a key, also of one outside the namespace, such as an environment variable.
    pub(crate) fn text(&self, key: &Bound<'_, PyString>) -> Option<&str> {
        // No key of the core has a lone surrogate.
        self.0.get(&key.to_cow().ok()?)
    }

    /// The exception for a value that Python found malformed. It is logged and counted once for
    /// each key.
    #[pyo3(signature = (key, text) -> "Error")]
    fn malformed(&self, key: &str, text: &str) -> PyErr {
        self.0.note_malformed(key);
        exception(self.0.malformed(key, text))
    }

    /// The fields of `castalia.Snapshot`, in their order.
    #[pyo3(signature = () -> "_Parts")]
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (identity, rules) = (self.0.identity(), self.0.read_rules());
        let parts = (
            self.0.iter().into_py_dict(py)?,
            &identity.app_id,
            &identity.cluster,
            &identity.namespace,
            self.0.source().name(),
            self.0.release_key(),
            self.0.notification_id(),
            moment(py, self.0.loaded_at())?,
            (rules.zone.to_string(), rules.lenient_dates, rules.strict_booleans),
        );
        parts.into_bound_py_any(py)
    }
}

/// The fields of `castalia.ChangeEvent`, in their order.
pub(crate) fn parts(py: Python<'_>, event: &ChangeEvent) -> PyResult<Py<PyAny>> {
    let identity = event.identity();
    let changes = event.changes().iter().map(|(key, change)| {
        let (old, new) = (change.old_value.as_deref(), change.new_value.as_deref());
        (key, (old, new, change.change_type.name()))
    });
    let parts = (
        &identity.app_id,
        &identity.namespace,
        changes.into_py_dict(py)?,
        event.interested_keys(),
        event.old_release_key(),
        event.release_key(),
        event.source().name(),
        event.sequence(),
        event.coalesced(),
        View::new(event.snapshot().clone()),
    );
    parts.into_py_any(py)
}
