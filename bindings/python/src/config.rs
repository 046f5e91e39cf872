//! An open namespace: reads use a dictionary, which is replaced as a whole after each change.

use std::sync::{Arc, OnceLock};

use castalia_core::host::fork::Seen;
use castalia_core::{Client, Config, Interest, Reader, Snapshot};
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString, PyTuple};

use crate::client::submit;
use crate::event::{View, dict_of, identity_of};
use crate::handle::{Handle, Standing};
use crate::listen::{Follower, Stream, Subscription};
use crate::value::ValueType;

/// A namespace that was opened, for creating an object of a Python class.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Opened {
    config: Handle,
}

impl Opened {
    pub(crate) fn new(config: Config, client: Client) -> Self {
        Self { config: Handle::new(config, client) }
    }

    fn hand_on(&self, py: Python<'_>) -> PyResult<Handle> {
        self.config.hand_on(py)
    }
}

/// A snapshot as Python sees it.
#[pyclass(frozen, module = "castalia._native")]
struct Values {
    view: Py<View>,
    dict: Py<PyDict>,
    /// Whether there is a newer snapshot. `None` if this is the last one.
    reader: Option<Reader>,
}

impl Values {
    /// The newest snapshot of a namespace.
    fn of(py: Python<'_>, config: &Config) -> PyResult<Self> {
        let reader = config.reader();
        Self::new(py, config.snapshot(), Some(reader))
    }

    fn new(py: Python<'_>, snapshot: Arc<Snapshot>, reader: Option<Reader>) -> PyResult<Self> {
        let dict = dict_of(py, &snapshot)?.unbind();
        Ok(Self { view: Py::new(py, View::new(py, snapshot)?)?, dict, reader })
    }

    fn is_newest(&self) -> bool {
        self.reader.as_ref().is_none_or(Reader::is_current)
    }

    fn snapshot(&self) -> &Arc<Snapshot> {
        self.view.get().snapshot()
    }

    fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.dict.bind(key.py()).get_item(key)?;
        match found {
            Some(value) => Ok(Some(value)),
            None => self.find_beyond(key),
        }
    }

    /// The value of a key that is not in the snapshot, such as an environment variable.
    #[cold]
    fn find_beyond<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(name) = key.cast::<PyString>() else {
            return Ok(None);
        };
        let value = self.snapshot().get(name.to_cow()?.as_ref());
        Ok(value.map(|value| PyString::new(key.py(), value).into_any()))
    }
}

/// The current values. A read replaces them if there are newer ones, so that no thread of the
/// client has to wait for Python.
struct Current {
    config: Handle,
    /// The only item of a list: the interpreter lock protects it there, without a cost for reads.
    values: Py<PyList>,
    /// The process of the last read.
    seen: Seen,
}

impl Current {
    fn new(py: Python<'_>, config: Handle) -> PyResult<Arc<Self>> {
        let values = match &**config.load() {
            Standing::Open(open) => Values::of(py, open)?,
            Standing::Closed(last) => Values::new(py, last.clone(), None)?,
        };
        let values = PyList::new(py, [values])?.unbind();
        Ok(Arc::new(Self { config, values, seen: Seen::now() }))
    }

    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Values>> {
        let values = self.held(py)?;
        if values.get().is_newest() {
            return Ok(values);
        }
        self.renewed(py)
    }

    fn held<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Values>> {
        Ok(self.values.bind(py).get_item(0)?.cast_into()?)
    }

    #[cold]
    fn renewed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Values>> {
        if let Standing::Open(config) = &**self.config.load() {
            self.values.bind(py).set_item(0, Values::of(py, config)?)?;
        }
        self.held(py)
    }

    /// Closes the namespace; the current values become the last ones.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let last = self.values(py)?.get().snapshot().clone();
        self.values.bind(py).set_item(0, Values::new(py, last.clone(), None)?)?;
        if let Some(config) = self.config.close(last) {
            config.close();
        }
        Ok(())
    }

    /// Continues in a forked child, with a snapshot whose parsed values are complete.
    #[cold]
    fn resume(&self) {
        if let Standing::Open(config) = &**self.config.load() {
            config.resume_after_fork();
        }
    }
}

/// Reads of an open namespace. They neither wait nor leave Python's memory, except for the first
/// read of one that is opened late.
#[pyclass(frozen, subclass, mapping, module = "castalia._native")]
pub(crate) struct Namespace {
    current: OnceLock<Arc<Current>>,
    /// Function that returns the open namespace at the first read.
    open: Option<Py<PyAny>>,
}

impl Namespace {
    fn current(&self, py: Python<'_>) -> PyResult<&Arc<Current>> {
        let Some(current) = self.current.get() else {
            return self.open_now(py);
        };
        if current.seen.is_first_in_child() {
            current.resume();
        }
        Ok(current)
    }

    #[cold]
    fn open_now(&self, py: Python<'_>) -> PyResult<&Arc<Current>> {
        let open = self.open.as_ref().map(|open| open.call0(py));
        let opened = open.ok_or_else(|| PyRuntimeError::new_err("the namespace is not open"))??;
        let config = opened.cast_bound::<Opened>(py)?.get().hand_on(py)?;
        let current = Current::new(py, config)?;
        Ok(self.current.get_or_init(|| current))
    }

    fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.current(key.py())?.values(key.py())?.get().find(key)
    }
}

#[pymethods]
impl Namespace {
    /// From an open namespace, or a function that returns it at the first read. The other arguments
    /// are for subclasses.
    #[new]
    #[pyo3(signature = (source, *_rest))]
    fn new(source: &Bound<'_, PyAny>, _rest: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = source.py();
        match source.cast::<Opened>() {
            Ok(opened) => {
                let current = Current::new(py, opened.get().hand_on(py)?)?;
                Ok(Self { current: OnceLock::from(current), open: None })
            }
            Err(_) => Ok(Self { current: OnceLock::new(), open: Some(source.clone().unbind()) }),
        }
    }

    /// The value of a key, or the default.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.find(key)?.or(default))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.find(key)?;
        found.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.find(key)?.is_some())
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.current(py)?.values(py)?.get().dict.bind(py).len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.current(py)?.values(py)?.get().dict.bind(py).try_iter()
    }

    /// The value of a key by type; `None` if it is missing, an exception if it is malformed.
    #[pyo3(name = "_read")]
    fn read<'py>(
        &self,
        py: Python<'py>,
        value_type: ValueType,
        key: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.current(py)?.values(py)?.get().view.get().read(py, value_type, key)
    }

    /// App id, cluster and namespace.
    #[pyo3(name = "_identity")]
    fn identity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        identity_of(py, self.current(py)?.values(py)?.get().snapshot())
    }

    /// Origin of the values.
    #[getter]
    fn source(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.current(py)?.values(py)?.get().snapshot().source().name())
    }

    /// Result of the last load.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        Ok(self.current(py)?.config.state())
    }

    /// Error of the last load.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> PyResult<Option<PyErr>> {
        Ok(self.current(py)?.config.last_error(py))
    }

    /// The current values.
    #[pyo3(name = "_view")]
    fn view(&self, py: Python<'_>) -> PyResult<Py<View>> {
        Ok(self.current(py)?.values(py)?.get().view.clone_ref(py))
    }

    /// Closes the namespace. Reads still return the last values.
    #[pyo3(name = "_give_up")]
    fn give_up(&self, py: Python<'_>) -> PyResult<()> {
        self.current(py)?.close(py)
    }

    /// Loads now; `done(None, error)` is called on another thread once reads return the loaded
    /// values.
    #[pyo3(name = "_load")]
    fn load(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let config = self.current(py)?.config.open(py)?;
        let load = async move { config.refresh().await };
        submit(py, done, load, |py, ()| Ok(py.None()))?;
        Ok(())
    }

    /// Calls `callback(event)` for each change on another thread. An exception is counted as a
    /// failure.
    #[pyo3(name = "_listen")]
    fn listen(
        &self,
        py: Python<'_>,
        callback: Py<PyAny>,
        keys: Vec<String>,
        prefixes: Vec<String>,
    ) -> PyResult<Subscription> {
        let handle = &self.current(py)?.config;
        let config = handle.open(py)?;
        let subscribe = |call| config.on_change(Interest { keys, prefixes }, call);
        Ok(Subscription::new(handle.client(), callback, subscribe))
    }

    /// Counts a failed listener that was called with events of a stream, unless the namespace is
    /// closed.
    #[pyo3(name = "_note_listener_failure")]
    fn note_listener_failure(&self, py: Python<'_>) -> PyResult<()> {
        self.current(py)?.config.note_listener_failure();
        Ok(())
    }

    /// The events from now on, taken one at a time.
    #[pyo3(name = "_stream")]
    fn stream(&self, py: Python<'_>, keys: Vec<String>, prefixes: Vec<String>) -> PyResult<Stream> {
        let handle = &self.current(py)?.config;
        let stream = handle.open(py)?.changes().with_interest(Interest { keys, prefixes });
        Ok(Stream::new(stream, handle.client()))
    }

    /// Raises `ClosedError` once it or its client is closed.
    #[pyo3(name = "_check_open")]
    fn check_open(&self, py: Python<'_>) -> PyResult<()> {
        self.current(py)?.config.open(py).map(|_| ())
    }

    /// Follows the snapshots, starting with the current one.
    #[pyo3(name = "_follow")]
    fn follow(&self, py: Python<'_>) -> PyResult<Follower> {
        let handle = &self.current(py)?.config;
        Ok(Follower::new(handle.open(py)?.follow(), handle.client()))
    }
}
