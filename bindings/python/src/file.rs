//! An open namespace as one text.

use castalia_core::{Client, Config, Interest};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::submit;
use crate::event::{View, identity_of};
use crate::handle::Handle;
use crate::listen::{Stream, Subscription};

/// The current text of a namespace.
#[pyclass(frozen, subclass, module = "castalia._native")]
pub(crate) struct File {
    file: Handle,
}

impl File {
    pub(crate) fn over(file: Config, client: Client) -> Self {
        Self { file: Handle::new(file, client) }
    }
}

#[pymethods]
impl File {
    /// From an open namespace, for creating an object of a Python class.
    #[new]
    fn new(py: Python<'_>, opened: &Self) -> PyResult<Self> {
        Ok(Self { file: opened.file.hand_on(py)? })
    }

    /// The text; `None` if nothing has been loaded.
    #[getter]
    fn content(&self) -> Option<String> {
        self.file.snapshot().content().map(str::to_owned)
    }

    /// App id, cluster and namespace.
    #[pyo3(name = "_identity")]
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        identity_of(py, &self.file.snapshot())
    }

    /// Origin of the values.
    #[getter]
    fn source(&self) -> &'static str {
        self.file.snapshot().source().name()
    }

    /// Result of the last load.
    #[getter]
    fn state(&self) -> &'static str {
        self.file.state()
    }

    /// Error of the last load.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<PyErr> {
        self.file.last_error(py)
    }

    /// The current values.
    #[pyo3(name = "_view")]
    fn view(&self, py: Python<'_>) -> PyResult<View> {
        View::new(py, self.file.snapshot())
    }

    /// Like `Namespace.give_up`.
    #[pyo3(name = "_give_up")]
    fn give_up(&self) {
        if let Some(file) = self.file.close(self.file.snapshot()) {
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
        let subscribe = |call| file.on_change(Interest::everything(), call);
        Ok(Subscription::new(self.file.client(), callback, subscribe))
    }

    /// Like `Namespace.note_listener_failure`.
    #[pyo3(name = "_note_listener_failure")]
    fn note_listener_failure(&self) {
        self.file.note_listener_failure();
    }

    /// Like `Namespace.stream`, for the text under the key `content`.
    #[pyo3(name = "_stream")]
    fn stream(&self, py: Python<'_>) -> PyResult<Stream> {
        Ok(Stream::new(self.file.open(py)?.changes(), self.file.client()))
    }
}
