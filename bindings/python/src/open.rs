//! What an open namespace offers as values and as one text alike: the base of both classes.

use std::sync::{Arc, OnceLock};

use castalia_core::host::open::Opened as Handle;
use castalia_core::host::stream::Changes;
use castalia_core::{Client, Config, Interest};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::client::{Done, submit};
use crate::error::exception;
use crate::event::{View, parts};
use crate::listen::{Stream, Subscription, call};

/// An open namespace, or one that the first use opens. Objects of Python's classes are created from
/// one.
#[pyclass(frozen, subclass, module = "castalia._native")]
pub(crate) struct Open {
    handle: OnceLock<Arc<Handle>>,
    /// Function that returns the open namespace, if the first use opens it.
    open: Py<PyAny>,
}

/// Keys and prefixes of a listener, as Python passes them.
type Wanted = (Vec<String>, Vec<String>);

fn interest((keys, prefixes): Wanted) -> Interest {
    Interest { keys, prefixes }
}

impl Open {
    pub(crate) fn of(py: Python<'_>, handle: Handle) -> Self {
        Self { handle: OnceLock::from(Arc::new(handle)), open: py.None() }
    }

    pub(crate) fn handle(&self) -> PyResult<&Arc<Handle>> {
        let handle = self.handle.get().map_or_else(|| self.open_now(), Ok)?;
        handle.resumed();
        Ok(handle)
    }

    #[cold]
    fn open_now(&self) -> PyResult<&Arc<Handle>> {
        Python::attach(|py| {
            let opened = self.open.bind(py).call0()?;
            let handle = opened.cast::<Self>()?.get().handle()?.clone();
            Ok(self.handle.get_or_init(|| handle))
        })
    }

    /// The client, which runs as long as it is referenced, and the namespace, if both are open.
    fn opened(&self) -> PyResult<(Client, Config)> {
        let handle = self.handle()?;
        let config = handle.config().map_err(exception)?;
        handle.client().check_open().map_err(exception)?;
        Ok((handle.client().clone(), config))
    }
}

#[pymethods]
impl Open {
    /// From an open namespace, or a function that returns it at the first use.
    #[new]
    #[pyo3(signature = (source: "Open | Callable[[], Open]", /) -> "Self")]
    pub(crate) fn new(source: &Bound<'_, PyAny>) -> Self {
        let handle = source.cast::<Self>().map(|opened| opened.get().handle.clone());
        Self { handle: handle.unwrap_or_default(), open: source.clone().unbind() }
    }

    /// App id, cluster and namespace.
    #[pyo3(signature = () -> "tuple[str, str, str]")]
    fn _identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let snapshot = self.handle()?.snapshot();
        let identity = snapshot.identity();
        (&identity.app_id, &identity.cluster, &identity.namespace).into_pyobject(py)
    }

    /// Origin of the values.
    #[getter]
    fn source(&self) -> PyResult<&'static str> {
        Ok(self.handle()?.snapshot().source().name())
    }

    /// Result of the last load.
    #[getter]
    fn state(&self) -> PyResult<&'static str> {
        Ok(self.handle()?.state())
    }

    /// Error of the last load.
    #[getter]
    fn last_error(&self) -> PyResult<Option<PyErr>> {
        Ok(self.handle()?.last_error().map(exception))
    }

    /// The current values.
    fn _view(&self) -> PyResult<View> {
        Ok(View::new(self.handle()?.snapshot()))
    }

    /// The namespace as one text; `None` if nothing has been loaded.
    fn _content(&self) -> PyResult<Option<String>> {
        Ok(self.handle()?.snapshot().content().map(str::to_owned))
    }

    /// Closes the namespace. Reads still return the last values.
    fn _give_up(&self) -> PyResult<()> {
        self.handle().map(|handle| handle.close())
    }

    /// Loads now; `done(None, error)` is called on another thread once reads return the loaded
    /// values.
    #[pyo3(signature = (done: "_Done"))]
    fn _load(&self, done: Done) -> PyResult<()> {
        submit(done, self.handle()?.refresh(), |py, ()| Ok(py.None()))
    }

    /// Calls `callback(event)` for each change of these keys and prefixes, or each change without
    /// any, on another thread, until the subscription is cancelled or the client is closed, which
    /// keeps running even if the program has no reference to either. An exception is counted as a
    /// failure.
    #[pyo3(signature = (callback: "_Call[tuple[Any, ...]]", wanted))]
    fn _listen(&self, callback: Py<PyAny>, wanted: Wanted) -> PyResult<Subscription> {
        let (client, config) = self.opened()?;
        let subscription = config.on_change_shared(interest(wanted), move |event| {
            let _ = &client;
            call(&callback, |py| parts(py, event));
        });
        Ok(Subscription(subscription.kept()))
    }

    /// Counts a failed listener that was called with events of a stream, unless the namespace is
    /// closed.
    fn _note_listener_failure(&self) -> PyResult<()> {
        self.handle().map(|handle| handle.note_listener_failure())
    }

    /// The events from now on, taken one at a time; see `_listen`.
    fn _stream(&self, wanted: Wanted) -> PyResult<Stream> {
        let (client, config) = self.opened()?;
        let changes = Changes::new(config.changes().with_interest(interest(wanted)));
        Ok(Stream { changes, _client: client })
    }

    /// Raises `ClosedError` once it or its client is closed.
    fn _check_open(&self) -> PyResult<()> {
        self.opened().map(drop)
    }

    /// Calls `first(view)` with the current values, and then `newer(view)` on another thread for
    /// each newer snapshot, until the subscription is cancelled or dropped.
    #[pyo3(signature = (first: "_Call[View]", newer: "_Call[View]"))]
    fn _follow(&self, first: &Bound<'_, PyAny>, newer: Py<PyAny>) -> PyResult<Subscription> {
        let (client, config) = self.opened()?;
        let follower = config.follow();
        first.call1((View::new(follower.snapshot().clone()),))?;
        Ok(Subscription(follower.on_newer(move |snapshot| {
            let _ = &client;
            call(&newer, |py| View::new(snapshot.clone()).into_py_any(py));
        })))
    }
}
