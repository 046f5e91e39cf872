//! The client, and how the result of an asynchronous call is passed to Python.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use castalia_core::host::client::HostClient;
use castalia_core::host::memory::Edits;
use castalia_core::host::settings::{Entries, HostSettings};
use castalia_core::host::{call, describe, validate};
use castalia_core::{Error, ErrorKind, Result, Snapshot};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::error::Raised;
use crate::event;
use crate::gate;
use crate::open::Open;

/// A client. Opens no socket before a namespace is opened.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Client {
    client: HostClient,
}

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
    ) -> Result<Self, Raised> {
        let settings =
            HostSettings { binding: "python", from_env, values, memory, ..HostSettings::default() };
        Ok(Self { client: HostClient::new(settings)? })
    }

    /// A report of the client as JSON, by its name; see `describe::report`.
    fn report(&self, name: &str) -> String {
        describe::report(&self.client, name).to_string()
    }

    /// Raises `ClosedError` once it is closed.
    fn check_open(&self) -> Result<(), Raised> {
        Ok(self.client.check_open()?)
    }

    /// Signs requests for an app id with another secret from now on.
    fn set_access_key(&self, app_id: &str, secret: &str) -> Result<(), Raised> {
        self.check_open()?;
        self.client.set_access_key(app_id, secret);
        Ok(())
    }

    /// Opens a namespace as values or as one text; `done(opened, error)` is called on another
    /// thread.
    #[pyo3(signature = (app_id, namespace, done: "_Done", as_text = false))]
    fn open(
        &self,
        app_id: String,
        namespace: String,
        done: Py<PyAny>,
        as_text: bool,
    ) -> Result<(), Raised> {
        let opened = self.client.open(app_id, namespace, as_text);
        submit(done, async { Ok(Open::of(opened.await?)) })
    }

    /// Sets several values of a client in memory, where `None` removes a key, or replaces all values
    /// of a namespace. Without values, loads of the namespace fail until they are set again.
    /// `done(None, error)` is called on another thread.
    #[pyo3(signature = (namespace, edits, done: "_Done", replaces = false))]
    fn change(
        &self,
        namespace: String,
        edits: Option<Edits>,
        done: Py<PyAny>,
        replaces: bool,
    ) -> Result<(), Raised> {
        submit_change(done, self.client.change(namespace, edits, replaces))
    }

    /// Stops the client; `done(None, error)` is called on another thread, or without a wait if the
    /// interpreter is ending.
    #[pyo3(signature = (done: "_Done"))]
    fn close(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        if gate::is_shut() {
            self.client.stop();
            return complete(py, &done);
        }
        Ok(submit_change(done, self.client.close())?)
    }

    /// Like `close`, without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Calls `validator(view)` before a release is applied. A text that is not empty, or an
    /// exception, rejects it.
    #[pyo3(signature = (namespace, validator: "Callable[[View], str | None]"))]
    fn validate(&self, namespace: &str, validator: Py<PyAny>) -> Result<(), Raised> {
        self.check_open()?;
        let validate = move |snapshot: &Arc<Snapshot>| {
            gate::enter(|py| event::verdict(py, &validator, snapshot))
                .unwrap_or_else(validate::unanswered)
        };
        Ok(self.client.validate(namespace, validate)?)
    }
}

/// Runs a future on the client's runtime, then calls `done(value, error)` with its result. Raises
/// `ClosedError` if the interpreter is ending, because `done` would never be called.
pub(crate) fn submit<T: for<'py> IntoPyObject<'py> + Send + 'static>(
    done: Py<PyAny>,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<(), Raised> {
    if gate::is_shut() {
        let error = Error::new(ErrorKind::Closed, "call", "the interpreter is ending");
        return Err(Raised(error));
    }
    // Everything it owns is dropped with the interpreter lock held; without it, drops would be
    // deferred to the next call.
    let deliver = move |py: Python<'_>, result: Result<T>| {
        let result = result.map_err(|error| Raised(error).into());
        let called = match result.and_then(|value| value.into_py_any(py)) {
            Ok(value) => done.call1(py, (value, py.None())),
            Err(error) => done.call1(py, (py.None(), error.into_value(py))),
        };
        if let Err(error) = called {
            error.write_unraisable(py, None);
        }
    };
    call::spawn_then_block(future, move |result| {
        gate::enter(move |py| deliver(py, result));
    })?;
    Ok(())
}

/// Like `submit`, for a future without a value.
pub(crate) fn submit_change(
    done: Py<PyAny>,
    future: impl Future<Output = Result<()>> + Send + 'static,
) -> Result<(), Raised> {
    submit(done, async { future.await.map(|()| None::<Open>) })
}

/// Calls `done` at once, without a value and without an error.
pub(crate) fn complete(py: Python<'_>, done: &Py<PyAny>) -> PyResult<()> {
    done.call1(py, (py.None(), py.None())).map(drop)
}
