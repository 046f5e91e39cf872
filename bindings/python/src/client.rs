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
use tokio::task::spawn_blocking;

use crate::error::raised;
use crate::event;
use crate::gate;
use crate::open::Opened;

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
    fn new(py: Python<'_>, values: HashMap<String, String>, from_env: bool) -> PyResult<Self> {
        let client = settings_of(values, from_env).and_then(CoreClient::new);
        Ok(Self { client: client.map_err(|error| raised(py, &error))? })
    }

    #[getter]
    fn app_id(&self) -> &str {
        self.client.app_id()
    }

    /// Name of the environment, as it was recognized.
    #[getter]
    fn env(&self) -> &'static str {
        self.client.env().name()
    }

    /// Raises `ClosedError` once it is closed.
    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.client.check_open().map_err(|error| raised(py, &error))
    }

    /// Signs requests for an app id with another secret from now on.
    fn set_access_key(&self, py: Python<'_>, app_id: &str, secret: &str) -> PyResult<()> {
        self.check_open(py)?;
        self.client.set_access_key(app_id, secret);
        Ok(())
    }

    /// Opens a namespace as values or as one text; `done(opened, error)` is called on another
    /// thread.
    #[pyo3(signature = (app_id, namespace, done: "_Done", as_text = false))]
    fn open(
        &self,
        py: Python<'_>,
        app_id: String,
        namespace: String,
        done: Py<PyAny>,
        as_text: bool,
    ) -> PyResult<()> {
        let opened = open::open(self.client.clone(), app_id, namespace, View::asked(as_text));
        submit(py, done, async { Ok(Opened::new(opened.await?)) })
    }

    /// Stops the client; `done(None, error)` is called on another thread, or without a wait if the
    /// interpreter is ending.
    #[pyo3(signature = (done: "_Done"))]
    fn close(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        if gate::is_shut() {
            self.client.stop();
            return complete(py, &done);
        }
        submit_change(py, done, open::close(self.client.clone()))
    }

    /// Like `close`, without waiting.
    fn stop(&self) {
        self.client.stop();
    }

    /// Every effective setting, as JSON.
    fn settings(&self) -> String {
        describe::settings(&self.client).to_string()
    }

    /// Calls `validator(view)` before a release is applied. A text that is not empty, or an
    /// exception, rejects it.
    #[pyo3(signature = (namespace, validator: "Callable[[tuple[Any, ...]], str | None]"))]
    fn validate(&self, py: Python<'_>, namespace: &str, validator: Py<PyAny>) -> PyResult<()> {
        self.check_open(py)?;
        let validate = move |snapshot: &Arc<Snapshot>| {
            gate::enter(|py| event::verdict(py, &validator, snapshot)).unwrap_or(Ok(()))
        };
        let validated = self.client.validate(namespace, validate);
        validated.map_err(|error| raised(py, &error))
    }

    /// Counters as OpenMetrics text.
    fn metrics_text(&self) -> String {
        self.client.metrics_text()
    }

    /// State and counters as JSON; see `Metrics` in `castalia`.
    fn metrics(&self) -> String {
        describe::metrics(&self.client).to_string()
    }
}

/// Runs a future on the client's runtime, then calls `done(value, error)` with its result. Raises
/// `ClosedError` if the interpreter is ending, because `done` would never be called.
pub(crate) fn submit<T: for<'py> IntoPyObject<'py> + Send + 'static>(
    py: Python<'_>,
    done: Py<PyAny>,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> PyResult<()> {
    if gate::is_shut() {
        let error = Error::new(ErrorKind::Closed, "call", "the interpreter is ending");
        return Err(raised(py, &error));
    }
    // Everything it owns is dropped with the interpreter lock held; without it, drops would be
    // deferred to the next call.
    let deliver = move |py: Python<'_>, result: Result<T>| {
        let result = result.map_err(|error| raised(py, &error));
        let called = match result.and_then(|value| value.into_py_any(py)) {
            Ok(value) => done.call1(py, (value, py.None())),
            Err(error) => done.call1(py, (py.None(), error.into_value(py))),
        };
        if let Err(error) = called {
            error.write_unraisable(py, None);
        }
    };
    let task = call::spawn(future, move |result| {
        spawn_blocking(move || gate::enter(move |py| deliver(py, result)));
    });
    task.map(drop).map_err(|error| raised(py, &error))
}

/// Like `submit`, for a future without a value.
pub(crate) fn submit_change(
    py: Python<'_>,
    done: Py<PyAny>,
    future: impl Future<Output = Result<()>> + Send + 'static,
) -> PyResult<()> {
    submit(py, done, async { future.await.map(|()| None::<Opened>) })
}

/// Calls `done` at once, without a value and without an error.
pub(crate) fn complete(py: Python<'_>, done: &Py<PyAny>) -> PyResult<()> {
    done.call1(py, (py.None(), py.None())).map(drop)
}
