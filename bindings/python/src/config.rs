//! An open namespace: reads use a dictionary, which is replaced as a whole after each change.

use castalia_core::Reader;
use castalia_core::host::open::Opened as Handle;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyList, PyString, PyTuple};

use crate::event::{View, dict_of};
use crate::open::Open;
use crate::value::ValueType;

/// A snapshot as Python sees it.
#[pyclass(frozen, module = "castalia._native")]
struct Values {
    view: Py<View>,
    dict: Py<PyDict>,
    /// Whether there is a newer snapshot. `None` if this is the last one.
    reader: Option<Reader>,
}

impl Values {
    /// The newest snapshot of a namespace, or the last one.
    fn of(py: Python<'_>, handle: &Handle) -> PyResult<Self> {
        let reader = handle.config().ok().map(|config| config.reader());
        let snapshot = handle.snapshot();
        let dict = dict_of(py, &snapshot)?.unbind();
        Ok(Self { view: Py::new(py, View::new(snapshot))?, dict, reader })
    }

    fn is_newest(&self) -> bool {
        self.reader.as_ref().is_none_or(Reader::is_current)
    }

    fn find<'py>(&self, key: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let found = self.dict.bind(key.py()).get_item(key)?;
        Ok(found.or_else(|| self.find_fallback(key)))
    }

    /// The value of a key that is not in the snapshot, such as an environment variable.
    #[cold]
    fn find_fallback<'py>(&self, key: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        let value = self.view.get().text(key.cast::<PyString>().ok()?)?;
        Some(PyString::new(key.py(), value).into_any())
    }
}

/// Reads of an open namespace. They neither wait nor leave Python's memory, except for the first
/// read of one that is opened late.
#[pyclass(frozen, extends = Open, subclass, mapping, module = "castalia._native")]
pub(crate) struct Namespace {
    /// The current values; stored by the first read at the latest. A read replaces them if there
    /// are newer ones, so that no thread of the client has to wait for Python. They are the only
    /// item of a list: the interpreter lock protects them there, without a cost for reads.
    current: Py<PyList>,
}

impl Namespace {
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Values>> {
        let handle = slf.as_super().get().handle(slf.py())?;
        let current = slf.get().current.bind(slf.py());
        if let Ok(values) = current.get_item(0) {
            let values: Bound<'_, Values> = values.cast_into()?;
            if values.get().is_newest() {
                return Ok(values);
            }
        }
        renewed(current, handle)
    }
}

#[cold]
fn renewed<'py>(current: &Bound<'py, PyList>, handle: &Handle) -> PyResult<Bound<'py, Values>> {
    let values = Bound::new(current.py(), Values::of(current.py(), handle)?)?;
    current.set_slice(0, 1, PyList::new(current.py(), [&values])?.as_any())?;
    Ok(values)
}

#[pymethods]
impl Namespace {
    /// From an open namespace, or a function that returns it at the first read. The other arguments
    /// are for subclasses.
    #[new]
    #[pyo3(signature = (source, *_rest))]
    fn new(
        source: &Bound<'_, PyAny>,
        _rest: &Bound<'_, PyTuple>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let (open, current) = (Open::new(source), PyList::empty(source.py()));
        if let Some(handle) = open.opened() {
            renewed(&current, handle)?;
        }
        let current = current.unbind();
        Ok(PyClassInitializer::from(open).add_subclass(Self { current }))
    }

    /// The value of a key, or the default.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(Self::values(slf)?.get().find(key)?.or(default))
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = Self::values(slf)?.get().find(key)?;
        found.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(Self::values(slf)?.get().find(key)?.is_some())
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(Self::values(slf)?.get().dict.bind(slf.py()).len())
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyIterator>> {
        Self::values(slf)?.get().dict.bind(slf.py()).try_iter()
    }

    /// The value of a key by type; `None` if it is missing, an exception if it is malformed.
    #[pyo3(name = "_read")]
    fn read<'py>(
        slf: &Bound<'py, Self>,
        value_type: ValueType,
        key: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::values(slf)?.get().view.get().read(slf.py(), value_type, key)
    }

    /// The current values, whose parsed values are cached.
    #[pyo3(name = "_view")]
    fn view(slf: &Bound<'_, Self>) -> PyResult<Py<View>> {
        Ok(Self::values(slf)?.get().view.clone_ref(slf.py()))
    }

    /// Closes the namespace. Reads still return the last values.
    #[pyo3(name = "_give_up")]
    fn give_up(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.as_super().get().handle(slf.py())?.close();
        // The values that are kept follow the namespace, which would stay open.
        slf.get().current.bind(slf.py()).del_slice(0, 1)
    }
}
