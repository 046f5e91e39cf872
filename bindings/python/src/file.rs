//! An open namespace as one text.

use std::sync::Arc;

use castalia_core::{Client, ConfigFile, Snapshot};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::submit;
use crate::event::{View, identity_of};
use crate::handle::{Handle, Standing};
use crate::listen::{Stream, Subscription};

/// The current text of a namespace.
#[pyclass(frozen, subclass, module = "castalia._native")]
pub(crate) struct File {
    file: Handle<ConfigFile>,
}

impl File {
    pub(crate) fn over(file: ConfigFile, client: Client) -> Self {
        Self { file: Handle::new(file, client) }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        match &**self.file.load() {
            Standing::Open(file) => file.snapshot(),
            Standing::Closed(last) => last.clone(),
        }
    }
}

#[pymethods]
impl File {
    /// From an open namespace, for creating an object of a Python class.
    #[new]
    fn new(py: Python<'_>, opened: &Self) -> PyResult<Self> {
        Ok(Self { file: opened.file.hand_on(py, ConfigFile::snapshot)? })
    }

    /// The text; `None` if nothing has been loaded.
    #[getter]
    fn content(&self) -> Option<String> {
        self.snapshot().content().map(str::to_owned)
    }

    /// App id, cluster and namespace.
    #[pyo3(name = "_identity")]
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        identity_of(py, &self.snapshot())
    }

    /// Origin of the values.
    #[getter]
    fn source(&self) -> &'static str {
        self.snapshot().source().name()
    }

    /// Result of the last load.
    #[getter]
    fn state(&self) -> &'static str {
        self.file.state(ConfigFile::state)
    }

    /// Error of the last load.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<PyErr> {
        self.file.last_error(py, ConfigFile::last_error)
    }

    /// The current values.
    #[pyo3(name = "_view")]
    fn view(&self, py: Python<'_>) -> PyResult<View> {
        View::new(py, self.snapshot())
    }

    /// Like `Namespace.give_up`.
    #[pyo3(name = "_give_up")]
    fn give_up(&self) {
        if let Some(file) = self.file.close(self.snapshot()) {
            file.close();
        }
    }

    /// Loads now; `done(None, error)` is called on another thread.
    #[pyo3(name = "_load")]
    fn load(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let file = self.file.open(py)?;
        submit(py, done, async move { file.refresh().await }, |py, ()| Ok(py.None()))?;
        Ok(())
    }

    /// Raises `ClosedError` once it or its client is closed.
    #[pyo3(name = "_check_open")]
    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.file.open(py).map(|_| ())
    }

    /// Like `Namespace.listen`, for the text under the key `content`.
    #[pyo3(name = "_listen")]
    fn listen(&self, py: Python<'_>, callback: Py<PyAny>) -> PyResult<Subscription> {
        let file = self.file.open(py)?;
        let subscribe = |call| file.on_change(call);
        Ok(Subscription::new(self.file.client(), callback, subscribe))
    }

    /// Like `Namespace.note_listener_failure`.
    #[pyo3(name = "_note_listener_failure")]
    fn note_listener_failure(&self) {
        if let Standing::Open(file) = &**self.file.load() {
            file.note_listener_failure();
        }
    }

    /// Like `Namespace.stream`, for the text under the key `content`.
    #[pyo3(name = "_stream")]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        Ok(Stream::new(self.file.open(py)?.changes(), self.file.client()))
    }
}
