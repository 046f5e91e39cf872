//! Snapshots and events as plain Python objects, from which `castalia` creates its classes.

use std::sync::Arc;

use castalia_core::host::fork;
use castalia_core::{ChangeEvent, Error, ErrorKind, Snapshot};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet, PyTuple};

use crate::error::raised;
use crate::value::{Origin, ValueType, moment, rules_of};

/// A snapshot, kept as long as Python needs it.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct View {
    snapshot: Arc<Snapshot>,
    /// Keys whose values Python found malformed.
    malformed: Py<PySet>,
    /// Number of forks before it was created.
    forks: u32,
}

impl View {
    pub(crate) fn new(py: Python<'_>, snapshot: Arc<Snapshot>) -> PyResult<Self> {
        Ok(Self { snapshot, malformed: PySet::empty(py)?.unbind(), forks: fork::forks() })
    }

    pub(crate) fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }
}

#[pymethods]
impl View {
    /// Like `Namespace.read`.
    pub(crate) fn read<'py>(
        &self,
        py: Python<'py>,
        value_type: ValueType,
        key: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let origin = match self.forks == fork::forks() {
            true => Origin::Content(&self.snapshot),
            // A fork may have interrupted another thread while it initialized a parsed value.
            false => Origin::Text(self.snapshot.get(key), self.snapshot.read_rules()),
        };
        origin.read(py, value_type, key).map_err(|error| raised(py, &error))
    }

    /// The exception for a value that Python found malformed. It is logged and counted once for
    /// each key.
    fn malformed(&self, py: Python<'_>, key: &str, text: &str) -> PyResult<PyErr> {
        let known = self.malformed.bind(py);
        if !known.contains(key)? {
            known.add(key)?;
            self.snapshot.note_malformed(key);
        }
        let error = Error::new(ErrorKind::Parse, "read value", text);
        let error = error.with("namespace", self.snapshot.namespace()).with("key", key);
        Ok(raised(py, &error))
    }

    /// The fields of `castalia.Snapshot`, in their order.
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot_parts(py, &self.snapshot)
    }
}

fn snapshot_parts<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyAny>> {
    let identity = snapshot.identity();
    let parts = (
        dict_of(py, snapshot)?,
        &identity.app_id,
        &identity.cluster,
        &identity.namespace,
        snapshot.source().name(),
        snapshot.release_key(),
        snapshot.notification_id(),
        moment(py, snapshot.loaded_at())?,
        rules_of(snapshot.read_rules()),
    );
    Ok(parts.into_pyobject(py)?.into_any())
}

/// App id, cluster and namespace.
pub(crate) fn identity_of<'py>(
    py: Python<'py>,
    snapshot: &Snapshot,
) -> PyResult<Bound<'py, PyTuple>> {
    let identity = snapshot.identity();
    (&identity.app_id, &identity.cluster, &identity.namespace).into_pyobject(py)
}

/// The result of `validator` for a release. A text or an exception rejects it.
pub(crate) fn verdict(
    py: Python<'_>,
    validator: &Py<PyAny>,
    snapshot: &Snapshot,
) -> Result<(), String> {
    let parts = snapshot_parts(py, snapshot);
    let said = parts.and_then(|parts| validator.call1(py, (parts,))?.extract(py));
    match said.map_err(|error| error.value(py).to_string())? {
        Some(reason) => Err(reason),
        None => Ok(()),
    }
}

/// Keys and values, in the server's order.
pub(crate) fn dict_of<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in snapshot.iter() {
        dict.set_item(key, value)?;
    }
    Ok(dict)
}

/// The fields of `castalia.ChangeEvent`, in their order.
pub(crate) fn parts(py: Python<'_>, event: &ChangeEvent) -> PyResult<Py<PyAny>> {
    let changes = PyDict::new(py);
    for (key, change) in event.changes() {
        let (old, new) = (change.old_value.as_deref(), change.new_value.as_deref());
        changes.set_item(key, (old, new, change.change_type.name()))?;
    }
    let identity = event.identity();
    let parts = (
        &identity.app_id,
        &identity.namespace,
        changes,
        event.interested_keys(),
        event.old_release_key(),
        event.release_key(),
        event.source().name(),
        event.sequence(),
        event.coalesced(),
        View::new(py, event.snapshot().clone())?,
    );
    Ok(parts.into_pyobject(py)?.into_any().unbind())
}
