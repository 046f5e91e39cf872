//! Contents, events and counters as plain Python objects, of which `castalia` makes its classes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use castalia_core::{ChangeEvent, Metrics, NamespaceMetrics, Snapshot};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::error::raised;

/// One content, kept until Python asks for it.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct View {
    snapshot: Arc<Snapshot>,
}

impl View {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot }
    }
}

#[pymethods]
impl View {
    /// The fields of `Snapshot` in `castalia`, in their order.
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
        seconds(snapshot.loaded_at()),
    );
    Ok(parts.into_pyobject(py)?.into_any())
}

/// What `validator` says of a release: a text, or an exception, refuses it.
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

/// The fields of `ChangeEvent` in `castalia`, in their order.
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
        View::new(event.snapshot().clone()),
    );
    Ok(parts.into_pyobject(py)?.into_any().unbind())
}

/// The fields of `Metrics` in `castalia`, by name.
pub(crate) fn metrics<'py>(py: Python<'py>, metrics: &Metrics) -> PyResult<Bound<'py, PyDict>> {
    let namespaces = PyList::empty(py);
    for namespace in &metrics.namespaces {
        namespaces.append(namespace_metrics(py, namespace)?)?;
    }
    let errors = PyList::empty(py);
    for error in &metrics.errors {
        errors.append(raised(py, error))?;
    }
    let dict = PyDict::new(py);
    dict.set_item("namespaces", namespaces)?;
    dict.set_item("errors", errors)?;
    dict.set_item("error_count", metrics.error_count)?;
    dict.set_item("polls_connected", metrics.polls_connected)?;
    dict.set_item("clock_skew_ms", metrics.clock_skew_ms)?;
    Ok(dict)
}

fn namespace_metrics<'py>(
    py: Python<'py>,
    metrics: &NamespaceMetrics,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("app_id", &metrics.app_id)?;
    dict.set_item("namespace", &metrics.namespace)?;
    dict.set_item("state", metrics.state.name())?;
    dict.set_item("source", metrics.source.name())?;
    dict.set_item("items", metrics.items)?;
    dict.set_item("release_key", &metrics.release_key)?;
    dict.set_item("usage", metrics.usage)?;
    dict.set_item("first_load", metrics.first_load.map(|time| time.as_secs_f64()))?;
    dict.set_item("updated_at", seconds(metrics.updated_at))?;
    dict.set_item("contacted_at", metrics.contacted_at.map(seconds))?;
    dict.set_item("listener_failures", metrics.listener_failures)?;
    dict.set_item("listener_queue", metrics.listener_queue)?;
    dict.set_item("cache_failures", metrics.cache_failures)?;
    dict.set_item("refusals", metrics.refusals)?;
    dict.set_item("last_error", metrics.last_error.as_ref().map(|error| raised(py, error)))?;
    Ok(dict)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
