//! The client, and how the result of an asynchronous call is passed to Python.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use castalia_core::host::client::HostClient;
use castalia_core::host::memory::Edits;
use castalia_core::host::settings::{self, Entries, HostSettings};
use castalia_core::host::{call, describe, validate};
use castalia_core::{Error, ErrorKind, Result, Snapshot};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::error::exception;
use crate::event::View;
use crate::gate;
use crate::open::Open;

/// A client. Opens no socket before a namespace is opened.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Client(HostClient);

#[pymethods]
impl Client {
    /// From settings by property name, optionally on top of those of the environment. One in memory
    /// has these values by namespace instead of servers.
    #[new]
    #[pyo3(signature = (values, from_env, memory = None))]
    fn new(
        values: HashMap<String, String>,
        from_env: bool,
        memory: Option<Vec<(String, Entries)>>,
    ) -> PyResult<Self> {
        let binding = "python";
        let settings =
            HostSettings { binding, from_env, values, memory, ..HostSettings::default() };
        HostClient::new(settings).map(Self).map_err(exception)
    }

    /// A report of the client as JSON, by its name; see `describe::report`.
    fn report(&self, name: &str) -> String {
        describe::report(&self.0, name).to_string()
    }

    /// Raises `ClosedError` once it is closed.
    fn check_open(&self) -> PyResult<()> {
        self.0.check_open().map_err(exception)
    }

    /// Signs requests for an app id with another secret from now on.
    fn set_access_key(&self, app_id: &str, secret: &str) -> PyResult<()> {
        self.check_open()?;
        self.0.set_access_key(app_id, secret);
        Ok(())
    }

    /// Opens a namespace as values or as one text; `done(opened, error)` is called on another
    /// thread.
    #[pyo3(signature = (app_id, namespace, done: "_Done", as_text = false))]
    fn open(&self, app_id: String, namespace: String, done: Done, as_text: bool) -> PyResult<()> {
        let opened = self.0.open(app_id, namespace, as_text);
        submit(done, opened, |py, handle| Open::of(py, handle).into_py_any(py))
    }

    /// Sets several values of a client in memory, where `None` removes a key, or replaces all values
    /// of a namespace. Without values, loads of the namespace fail until they are set again.
    /// `done(None, error)` is called on another thread.
    #[pyo3(signature = (namespace, edits, done: "_Done", replaces = false))]
    fn change(
        &self,
        namespace: String,
        edits: Option<Edits>,
        done: Done,
        replaces: bool,
    ) -> PyResult<()> {
        submit(done, self.0.change(namespace, edits, replaces), |py, ()| Ok(py.None()))
    }

    /// Stops the client; `done(None, error)` is called on another thread.
    #[pyo3(signature = (done: "_Done"))]
    fn close(&self, done: Done) -> PyResult<()> {
        submit(done, self.0.close(), |py, ()| Ok(py.None()))
    }

    /// Like `close`, without waiting.
    fn stop(&self) {
        self.0.stop();
    }

    /// Calls `validator(view)` before a release is applied. A text that is not empty, or an
    /// exception, rejects it.
    #[pyo3(signature = (namespace, validator: "Callable[[View], str | None]"))]
    fn validate(&self, namespace: &str, validator: Py<PyAny>) -> PyResult<()> {
        self.check_open()?;
        let validate = move |release: &Arc<Snapshot>| {
            let verdict = gate::enter(|py| {
                let said = validator.call1(py, (View::new(release.clone()),));
                let said = said.and_then(|said| said.extract::<Option<String>>(py));
                // An exception is displayed as its type and its text.
                validate::verdict(said.map_err(|error| error.to_string())?)
            });
            verdict.unwrap_or_else(validate::unanswered)
        };
        self.0.validate(namespace, validate).map_err(exception)
    }
}

/// The value of a setting as another process may see it; `None` if none.
#[pyfunction]
pub(crate) fn public_value(name: &str, value: &str) -> Option<String> {
    settings::public_value(name, value)
}

/// The documented environment variable of a setting.
#[pyfunction]
pub(crate) fn variable_of(name: &str) -> String {
    settings::variable_of(name)
}

/// Function that is called with the value of a call, or with its error.
pub(crate) type Done = Py<PyAny>;

/// Runs a future on the client's runtime, then calls `done(value, error)` with its result. Raises
/// `ClosedError` if the interpreter is ending, because `done` would never be called.
pub(crate) fn submit<T: Send + 'static>(
    done: Done,
    future: impl Future<Output = Result<T>> + Send + 'static,
    convert: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<()> {
    if gate::is_shut() {
        let error = Error::new(ErrorKind::Closed, "call", "the interpreter is ending");
        return Err(exception(error));
    }
    let deliver = move |result: Result<T>| {
        // Everything it owns is dropped with the interpreter lock held; without it, drops would be
        // deferred to the next call.
        gate::enter(move |py| {
            let result = result.map_err(exception).and_then(|value| convert(py, value));
            let called = done.call1(py, (result.as_ref().ok(), result.as_ref().err()));
            if let Err(error) = called {
                error.write_unraisable(py, None);
            }
        });
    };
    call::spawn_then_block(future, deliver).map_err(exception)
}
