//! The client, and how the result of an asynchronous call is passed to Python.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use castalia_core::host::open::{self, View};
use castalia_core::host::settings::HostSettings;
use castalia_core::host::{call, describe};
use castalia_core::{Client as CoreClient, Error, ErrorKind, Result, Settings, Snapshot};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;

use crate::error::Raised;
use crate::event;
use crate::gate;
use crate::open::Open;

/// A client. Opens no socket before a namespace is opened.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Client {
    pub(crate) client: CoreClient,
}

/// Settings by property name, optionally on top of those of the environment.
pub(crate) fn settings_of(values: HashMap<String, String>, from_env: bool) -> Result<Settings> {
    HostSettings { binding: "python", from_env, values, ..HostSettings::default() }.resolve()
}

#[pymethods]
impl Client {
    /// From settings by property name, optionally on top of those of the environment.
    #[new]
    fn new(values: HashMap<String, String>, from_env: bool) -> Result<Self, Raised> {
        Ok(Self { client: CoreClient::new(settings_of(values, from_env)?)? })
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
        let opened = open::open(self.client.clone(), app_id, namespace, View::asked(as_text));
        submit(done, async { Ok(Open::of(opened.await?)) })
    }

    /// Stops the client; `done(None, error)` is called on another thread, or without a wait if the
    /// interpreter is ending.
    #[pyo3(signature = (done: "_Done"))]
    fn close(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        if gate::is_shut() {
            self.client.stop();
            return complete(py, &done);
        }
        Ok(submit_change(done, open::close(self.client.clone()))?)
    }

    /// Like `close`, without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Calls `validator(view)` before a release is applied. A text that is not empty, or an
    /// exception, rejects it.
    #[pyo3(signature = (namespace, validator: "Callable[[tuple[Any, ...]], str | None]"))]
    fn validate(&self, namespace: &str, validator: Py<PyAny>) -> Result<(), Raised> {
        self.check_open()?;
        let validate = move |snapshot: &Arc<Snapshot>| {
            gate::enter(|py| event::verdict(py, &validator, snapshot)).unwrap_or(Ok(()))
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
