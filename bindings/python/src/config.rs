//! An open namespace: reads use a dictionary, which is replaced as a whole after each change.

use castalia_core::Reader;
use castalia_core::host::open::Opened as Handle;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict as _, PyDict, PyIterator, PyList, PyString, PyTuple};

use crate::event::View;
use crate::open::Open;
use crate::value::{Found, ValueType};

/// A snapshot as Python sees it.
#[pyclass(frozen, module = "castalia._native")]
struct Values {
    view: View,
    dict: Py<PyDict>,
    /// Whether there is a newer snapshot. `None` if this is the last one.
    reader: Option<Reader>,
}

/// Reads of an open namespace. They neither wait nor leave Python's memory, except for the first
/// read.
#[pyclass(frozen, extends = Open, subclass, mapping, module = "castalia._native")]
pub(crate) struct Namespace {
    /// The current values, from the first read on. A read replaces them if there are newer ones, so
    /// that no thread of the client has to wait for Python. They are the only item of a list: the
    /// interpreter lock protects them there, without a cost for reads.
    current: Py<PyList>,
}

impl Namespace {
    fn values<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Values>> {
        let handle = slf.as_super().get().handle()?;
        let current = slf.get().current.bind(slf.py());
        if let Ok(values) = current.get_item(0) {
            let values: Bound<'_, Values> = values.cast_into()?;
            if values.get().reader.as_ref().is_none_or(Reader::is_current) {
                return Ok(values);
            }
        }
        renewed(current, handle)
    }

    fn find<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> Found<'py> {
        let values = Self::values(slf)?;
        let found = values.get().dict.bind(slf.py()).get_item(key)?;
        Ok(found.or_else(|| fallback(&values.get().view, key)))
    }
}

/// The value of a key that is not in the snapshot, such as an environment variable.
#[cold]
fn fallback<'py>(view: &View, key: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let value = view.text(key.cast::<PyString>().ok()?)?;
    Some(PyString::new(key.py(), value).into_any())
}

/// The newest values of a namespace, or the last ones.
#[cold]
fn renewed<'py>(current: &Bound<'py, PyList>, handle: &Handle) -> PyResult<Bound<'py, Values>> {
    let py = current.py();
    // Before the snapshot, which may be newer: at worst the next read replaces it by itself.
    let reader = handle.config().ok().map(|config| config.reader());
    let snapshot = handle.snapshot();
    let dict = snapshot.iter().into_py_dict(py)?.unbind();
    let values = Bound::new(py, Values { view: View::new(snapshot), dict, reader })?;
    current.set_slice(0, 1, PyList::new(py, [&values])?.as_any())?;
    Ok(values)
}

#[pymethods]
impl Namespace {
    /// From an open namespace, or a function that returns it at the first read. The other arguments
    /// are for subclasses.
    #[new]
    #[pyo3(signature = (source, *_rest))]
    fn new(source: &Bound<'_, PyAny>, _rest: &Bound<'_, PyTuple>) -> PyClassInitializer<Self> {
        let current = PyList::empty(source.py()).unbind();
        PyClassInitializer::from(Open::new(source)).add_subclass(Self { current })
    }

    /// The value of a key, or the default.
    #[pyo3(signature = (key, default=None, /))]
    fn get<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> Found<'py> {
        Ok(Self::find(slf, key)?.or(default))
    }

    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        key: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::find(slf, key)?.ok_or_else(|| PyKeyError::new_err(key.clone().unbind()))
    }

    fn __contains__(slf: &Bound<'_, Self>, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(Self::find(slf, key)?.is_some())
    }

    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(Self::values(slf)?.get().dict.bind(slf.py()).len())
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyIterator>> {
        Self::values(slf)?.get().dict.bind(slf.py()).try_iter()
    }

    /// The value of a key by type; `None` if it is missing, an exception if it is malformed.
    fn _read<'py>(
        slf: &Bound<'py, Self>,
        value_type: ValueType,
        key: &Bound<'py, PyString>,
    ) -> Found<'py> {
        Self::values(slf)?.get().view.read(value_type, key)
    }

    /// Closes the namespace. Reads still return the last values.
    fn _give_up(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.as_super().get().handle()?.close();
        // The values that are kept follow the namespace, which would stay open.
        slf.get().current.bind(slf.py()).del_slice(0, 1)
    }
}
