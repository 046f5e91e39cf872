//! What an open namespace offers as values and as one text alike: the base of both classes.

use std::sync::{Arc, OnceLock};

use castalia_core::host::open::Opened as Handle;
use castalia_core::{Client, Config, Interest};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::submit_change;
use crate::error::Raised;
use crate::event::View;
use crate::listen::{Stream, Subscription};

/// An open namespace, or one that the first use opens. Objects of Python's classes are created from
/// one.
#[pyclass(frozen, subclass, module = "castalia._native")]
pub(crate) struct Open {
    handle: OnceLock<Arc<Handle>>,
    /// Function that returns the open namespace at the first use.
    open: Option<Py<PyAny>>,
}

impl Open {
    pub(crate) fn of(handle: Handle) -> Self {
        Self { handle: OnceLock::from(Arc::new(handle)), open: None }
    }

    /// The handle, unless it is opened at the first use.
    pub(crate) fn opened(&self) -> Option<&Arc<Handle>> {
        self.handle.get()
    }

    pub(crate) fn handle(&self, py: Python<'_>) -> PyResult<&Arc<Handle>> {
        let handle = match self.handle.get() {
            Some(handle) => handle,
            None => self.open_now(py)?,
        };
        handle.resumed();
        Ok(handle)
    }

    #[cold]
    fn open_now(&self, py: Python<'_>) -> PyResult<&Arc<Handle>> {
        let open = self.open.as_ref().map(|open| open.call0(py));
        let opened = open.ok_or_else(|| PyRuntimeError::new_err("the namespace is not open"))??;
        let handle = opened.cast_bound::<Self>(py)?.get().handle(py)?.clone();
        Ok(self.handle.get_or_init(|| handle))
    }

    /// The client, which keeps running as long as it is referenced.
    fn client(&self, py: Python<'_>) -> PyResult<Client> {
        Ok(self.handle(py)?.client().clone())
    }

    /// The open namespace, for calls that need an open client.
    fn config(&self, py: Python<'_>) -> PyResult<Config> {
        let handle = self.handle(py)?;
        let config = handle.config().map_err(Raised)?;
        handle.client().check_open().map_err(Raised)?;
        Ok(config)
    }
}

#[pymethods]
impl Open {
    /// From an open namespace, or a function that returns it at the first use.
    #[new]
    #[pyo3(signature = (source: "Open | Callable[[], Open]", /) -> "Self")]
    pub(crate) fn new(source: &Bound<'_, PyAny>) -> Self {
        match source.cast::<Self>() {
            Ok(opened) => Self { handle: opened.get().handle.clone(), open: None },
            Err(_) => Self { handle: OnceLock::new(), open: Some(source.clone().unbind()) },
        }
    }

    /// App id, cluster and namespace.
    #[pyo3(name = "_identity", signature = () -> "tuple[str, str, str]")]
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let snapshot = self.handle(py)?.snapshot();
        let identity = snapshot.identity();
        (&identity.app_id, &identity.cluster, &identity.namespace).into_pyobject(py)
    }

    /// Origin of the values.
    #[getter]
    fn source(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.handle(py)?.snapshot().source().name())
    }

    /// Result of the last load.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.handle(py)?.state())
    }

    /// Error of the last load.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        Ok(self.handle(py)?.last_error().map(|error| Raised(error).into()))
    }

    /// The current values.
    #[pyo3(name = "_view")]
    fn view(&self, py: Python<'_>) -> PyResult<View> {
        Ok(View::new(self.handle(py)?.snapshot()))
    }

    /// The namespace as one text; `None` if nothing has been loaded.
    #[pyo3(name = "_content")]
    fn content(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.handle(py)?.snapshot().content().map(str::to_owned))
    }

    /// Closes the namespace. Reads still return the last values.
    #[pyo3(name = "_give_up")]
    fn give_up(&self, py: Python<'_>) -> PyResult<()> {
        self.handle(py)?.close();
        Ok(())
    }

    /// Loads now; `done(None, error)` is called on another thread once reads return the loaded
    /// values.
    #[pyo3(name = "_load", signature = (done: "_Done"))]
    fn load(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let config = self.config(py)?;
        Ok(submit_change(done, async move { config.refresh().await })?)
    }

    /// Calls `callback(event)` for each change on another thread. An exception is counted as a
    /// failure.
    #[pyo3(
        name = "_listen",
        signature = (callback: "_Call[tuple[Any, ...]]", keys = vec![], prefixes = vec![]),
    )]
    fn listen(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        keys: Vec<String>,
        prefixes: Vec<String>,
    ) -> PyResult<Subscription> {
        let config = self.config(py)?;
        let interest = Interest { keys, prefixes };
        Ok(Subscription::new(self.client(py)?, callback, &config, interest))
    }

    /// Counts a failed listener that was called with events of a stream, unless the namespace is
    /// closed.
    #[pyo3(name = "_note_listener_failure")]
    fn note_listener_failure(&self, py: Python<'_>) -> PyResult<()> {
        self.handle(py)?.note_listener_failure();
        Ok(())
    }

    /// The events from now on, taken one at a time.
    #[pyo3(name = "_stream", signature = (keys = vec![], prefixes = vec![]))]
    fn stream(&self, py: Python<'_>, keys: Vec<String>, prefixes: Vec<String>) -> PyResult<Stream> {
        let stream = self.config(py)?.changes().with_interest(Interest { keys, prefixes });
        Ok(Stream::new(stream, self.client(py)?))
    }

    /// Raises `ClosedError` once it or its client is closed.
    #[pyo3(name = "_check_open")]
    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.config(py).map(drop)
    }

    /// Calls `first(view)` with the current values, and then `newer(view)` on another thread for
    /// each newer snapshot, until the subscription is cancelled or dropped.
    #[pyo3(name = "_follow", signature = (first: "_Call[View]", newer: "_Call[View]"))]
    fn follow(
        &self,
        py: Python<'_>,
        first: &Bound<'_, PyAny>,
        newer: Py<PyAny>,
    ) -> PyResult<Subscription> {
        let follower = self.config(py)?.follow();
        first.call1((View::new(follower.snapshot().clone()),))?;
        Ok(Subscription::following(self.client(py)?, newer, follower))
    }
}
