//! An open namespace: the dictionary that reads are answered from, swapped whole at each change.

use std::sync::Arc;

use arc_swap::ArcSwap;
use castalia_core::{ChangeStream, Config, Interest, Snapshot, Subscription as CoreSubscription};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyString};

use crate::client::submit;
use crate::error::raised;
use crate::event::{View, dict_of};
use crate::gate;
use crate::listen::{self, Stream, Subscription};

/// A namespace that was opened, to make an object of a Python class of.
#[pyclass(frozen, module = "castalia._native")]
pub(crate) struct Opened {
    config: Config,
}

impl Opened {
    pub(crate) fn new(config: Config) -> Self {
        Self { config }
    }
}

/// One content as Python sees it.
struct Values {
    snapshot: Arc<Snapshot>,
    dict: Py<PyDict>,
}

impl Values {
    fn new(py: Python<'_>, snapshot: Arc<Snapshot>) -> PyResult<Self> {
        let dict = dict_of(py, &snapshot)?.unbind();
        Ok(Self { snapshot, dict })
    }

    fn find<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.dict.bind(py).get_item(key)?;
        match found {
            Some(value) => Ok(Some(value)),
            None => self.find_beyond(key),
        }
    }

    /// A value that the settings bring in for any key that is asked for, such as an environment variable.
    #[cold]
    fn find_beyond<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Ok(name) = key.cast::<PyString>() else {
            return Ok(None);
        };
        let value = self.snapshot.get(name.to_cow()?.as_ref());
        Ok(value.map(|value| PyString::new(key.py(), value).into_any()))
    }
}

/// The values of now. They are replaced whole, before any listener hears of the change.
struct Current {
    config: Config,
    values: ArcSwap<Values>,
}

impl Current {
    /// Takes over the newest content.
    fn renew(&self, py: Python<'_>) {
        let newest = self.config.snapshot();
        if Arc::ptr_eq(&self.values.load().snapshot, &newest) {
            return;
        }
        match Values::new(py, newest) {
            Ok(values) => self.values.store(Arc::new(values)),
            Err(error) => error.write_unraisable(py, None),
        }
    }
}

/// Reads of an open namespace. Nothing here waits or leaves Python's memory.
#[pyclass(frozen, subclass, mapping, module = "castalia._native")]
pub(crate) struct Namespace {
    current: Arc<Current>,
    /// Keeps the values current; its end comes with the object's.
    _renewal: CoreSubscription,
}

#[pymethods]
impl Namespace {
    #[new]
    fn new(py: Python<'_>, opened: &Opened) -> PyResult<Self> {
        let config = opened.config.clone();
        let values = ArcSwap::from_pointee(Values::new(py, config.snapshot())?);
        let current = Arc::new(Current { config, values });
        let renewed = current.clone();
        let renewal = current.config.on_change(Interest::everything(), move |_| {
            gate::enter(|py| renewed.renew(py));
        });
        current.renew(py);
        Ok(Self { current, _renewal: renewal })
    }

    /// The value of a key, or the default.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.current.values.load().find(py, key)?.or(default))
    }

    fn __getitem__<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.current.values.load().find(key.py(), key)?;
        found.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.current.values.load().find(key.py(), key)?.is_some())
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.current.values.load().dict.bind(py).len()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.current.values.load().dict.bind(py).try_iter()
    }

    /// App id, cluster and name.
    fn identity(&self) -> (&str, &str, &str) {
        let identity = self.current.config.identity();
        (&identity.app_id, &identity.cluster, &identity.namespace)
    }

    /// Where the content came from.
    #[getter]
    fn source(&self) -> &'static str {
        self.current.config.source().name()
    }

    /// How the namespace stands with the servers.
    #[getter]
    fn state(&self) -> &'static str {
        self.current.config.state().name()
    }

    /// Why the last load failed.
    #[getter]
    fn last_error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let error = self.current.config.last_error()?;
        Some(raised(py, &error).into_value(py).into_any())
    }

    /// The content now.
    fn view(&self) -> View {
        View::new(self.current.config.snapshot())
    }

    /// Loads now; `done(None, error)` is called on another thread, after reads answer from what was loaded.
    fn load(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        let (config, current) = (self.current.config.clone(), self.current.clone());
        let load = async move { config.refresh().await };
        submit(py, done, load, move |py, ()| {
            current.renew(py);
            Ok(py.None())
        })?;
        Ok(())
    }

    /// Calls `callback(event)` for each change on another thread; an exception counts as a failure.
    fn listen(
        &self,
        callback: Py<PyAny>,
        keys: Vec<String>,
        prefixes: Vec<String>,
    ) -> Subscription {
        let current = self.current.clone();
        let interest = Interest { keys, prefixes };
        Subscription::new(self.current.config.on_change(interest, move |event| {
            listen::call(&callback, event, |py| current.renew(py));
        }))
    }

    /// The events from now on, to be taken one by one.
    fn stream(&self, keys: Vec<String>, prefixes: Vec<String>) -> Stream {
        let stream = self.current.config.changes();
        let stream = keys.into_iter().fold(stream, ChangeStream::key);
        let stream = prefixes.into_iter().fold(stream, ChangeStream::prefix);
        let current = self.current.clone();
        Stream::new(stream, move |py| current.renew(py))
    }
}
