//! Snapshots and events as plain Python objects, from which `castalia` creates its classes.

use std::sync::Arc;

use castalia_core::host::read::KeptSnapshot;
use castalia_core::host::validate::{self, Verdict};
use castalia_core::{ChangeEvent, Error, ErrorKind, Snapshot};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PySet, PyString};

use crate::error::Raised;
use crate::value::{self, OUT_OF_RANGE, ValueType, moment, rules_of};

/// A snapshot, kept as long as Python needs it.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct View {
    snapshot: KeptSnapshot,
    /// Keys whose values Python found malformed.
    malformed: PyOnceLock<Py<PySet>>,
}

impl View {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> Self {
        Self { snapshot: KeptSnapshot::new(snapshot), malformed: PyOnceLock::new() }
    }
}

#[pymethods]
impl View {
    /// Like `Namespace.read`.
    #[pyo3(signature = (value_type: "ValueType[_T]", key) -> "_T | None")]
    pub(crate) fn read<'py>(
        &self,
        py: Python<'py>,
        value_type: ValueType,
        key: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        // No key of the core has a lone surrogate.
        let Ok(key) = key.to_cow() else { return Ok(None) };
        value::read(py, &self.snapshot.origin(&key), value_type, &key, || {
            self.malformed(py, &key, OUT_OF_RANGE)
        })
    }

    /// The value of a key, also of one outside the namespace, such as an environment variable.
    pub(crate) fn text(&self, key: &Bound<'_, PyString>) -> Option<&str> {
        // No key of the core has a lone surrogate.
        self.snapshot.get(&key.to_cow().ok()?)
    }

    /// The exception for a value that Python found malformed. It is logged and counted once for
    /// each key.
    #[pyo3(signature = (key, text) -> "Error")]
    fn malformed(&self, py: Python<'_>, key: &str, text: &str) -> PyResult<PyErr> {
        let known = || PySet::empty(py).map(Bound::unbind);
        let known = self.malformed.get_or_try_init(py, known)?.bind(py);
        if !known.contains(key)? {
            known.add(key)?;
            self.snapshot.note_malformed(key);
        }
        let error = Error::new(ErrorKind::Parse, "read value", text);
        let error = error.with("namespace", self.snapshot.namespace()).with("key", key);
        Ok(Raised(error).into())
    }

    /// The fields of `castalia.Snapshot`, in their order.
    #[pyo3(signature = () -> "_Parts")]
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (snapshot, identity) = (&self.snapshot, self.snapshot.identity());
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
        parts.into_bound_py_any(py)
    }
}

/// The result of `validator` for a release. A text that is not empty, or an exception, rejects it.
pub(crate) fn verdict(py: Python<'_>, validator: &Py<PyAny>, release: &Arc<Snapshot>) -> Verdict {
    let said = validator.call1(py, (View::new(release.clone()),));
    let said = said.and_then(|said| said.extract::<Option<String>>(py));
    // An exception is displayed as its type and its text.
    validate::verdict(said.map_err(|error| error.to_string())?)
}

/// Keys and values, in the server's order.
pub(crate) fn dict_of<'py>(py: Python<'py>, snapshot: &Snapshot) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in snapshot.iter() {
        dict.set_item(key, value)?;
    }
    Ok(dict)
}

/// An event, which Python receives as the fields of `castalia.ChangeEvent`, in their order.
pub(crate) struct Event(pub(crate) Arc<ChangeEvent>);

impl<'py> IntoPyObject<'py> for Event {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Self(event) = self;
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
        parts.into_bound_py_any(py)
    }
}
