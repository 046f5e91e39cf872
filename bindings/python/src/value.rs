//! Parses values as other types, by the same rules as in every language.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use castalia_core::format::value;
use castalia_core::host::read::Origin;
use castalia_core::{Error, ErrorKind, FromValue, ReadRules, Zone};
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDateTime, PyString, PyTzInfo};

use crate::error::Raised;

/// The types that a value can be parsed as.
#[pyclass(frozen, eq, eq_int, from_py_object, module = "castalia._native")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueType {
    /// A 32-bit integer.
    Int,
    /// A 64-bit integer.
    Long,
    Float,
    Bool,
    /// As a `timedelta`.
    Duration,
    /// As a `datetime` in this machine's time zone.
    Date,
}

/// Why a value that the core can represent, but not its Python type, cannot be read.
pub(crate) const OUT_OF_RANGE: &str = "the value is out of range of its Python type";

/// The value of a key by type; `None` if it is missing. An exception if it is malformed, or that of
/// `out_of_range`.
pub(crate) fn read<'py>(
    py: Python<'py>,
    origin: &Origin<'_>,
    value_type: ValueType,
    key: &str,
    out_of_range: impl FnOnce() -> PyResult<PyErr>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let read = match value_type {
        ValueType::Int => read_as(origin, key, |number: i32| number.into_bound_py_any(py)),
        ValueType::Long => read_as(origin, key, |number: i64| number.into_bound_py_any(py)),
        ValueType::Float => read_as(origin, key, |number: f64| number.into_bound_py_any(py)),
        ValueType::Bool => read_as(origin, key, |flag: bool| flag.into_bound_py_any(py)),
        ValueType::Duration => read_as(origin, key, |time: Duration| time.into_bound_py_any(py)),
        ValueType::Date => read_as(origin, key, |time| local(py, time)),
    };
    match read? {
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => Err(out_of_range()?),
        None => Ok(None),
    }
}

/// The value as one type, converted unless it is out of range.
fn read_as<T: FromValue, V>(
    origin: &Origin<'_>,
    key: &str,
    convert: impl FnOnce(T) -> PyResult<V>,
) -> Result<Option<PyResult<V>>, Raised> {
    Ok(origin.try_get(key)?.map(convert))
}

/// A moment as a `datetime` in this machine's time zone.
fn local(py: Python<'_>, time: SystemTime) -> PyResult<Bound<'_, PyAny>> {
    let utc = moment(py, time)?;
    utc.call_method0("astimezone").or_else(|error| {
        if !error.is_instance_of::<PyOSError>(py) {
            return Err(error);
        }
        // Windows has no local time before 1970: with the offset of 1970, it is the same moment.
        let zone = moment(py, UNIX_EPOCH)?.call_method0("astimezone")?.getattr("tzinfo")?;
        utc.call_method1("astimezone", (zone,))
    })
}

/// A moment as a `datetime` in UTC.
pub(crate) fn moment(py: Python<'_>, time: SystemTime) -> PyResult<Bound<'_, PyAny>> {
    static EPOCH: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let epoch = EPOCH.get_or_try_init(py, || {
        let utc = PyTzInfo::utc(py)?;
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&utc)).map(Bound::unbind)
    })?;
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => epoch.bind(py).add(after),
        Err(before) => epoch.bind(py).sub(before.duration()),
    }
}

/// Time zone, lenient dates and strict booleans, as Python stores them.
pub(crate) type PickledRules = (String, bool, bool);

pub(crate) fn rules_of(rules: ReadRules) -> PickledRules {
    (rules.zone.to_string(), rules.lenient_dates, rules.strict_booleans)
}

/// The value of a text by type, if its snapshot is no longer available; see `View.read`.
#[pyfunction]
#[pyo3(signature = (value_type: "ValueType[_T]", key, text, rules) -> "_T | None")]
pub(crate) fn read_text<'py>(
    py: Python<'py>,
    value_type: ValueType,
    key: &Bound<'py, PyString>,
    text: Option<&str>,
    rules: PickledRules,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    // No key of the core has a lone surrogate.
    let Ok(key) = key.to_cow() else { return Ok(None) };
    let (zone, lenient_dates, strict_booleans) = rules;
    let zone = Zone::parse(&zone).ok_or_else(|| PyValueError::new_err("unknown time zone"))?;
    let origin = Origin::Text(text, ReadRules { zone, lenient_dates, strict_booleans });
    read(py, &origin, value_type, &key, || {
        let error = Error::new(ErrorKind::Parse, "read value", OUT_OF_RANGE);
        Ok(Raised(error.with("key", &*key)).into())
    })
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[pyfunction]
pub(crate) fn parse_list<'a>(text: &'a str, delimiter: &str, trim: bool) -> Vec<&'a str> {
    value::list(text, delimiter, trim)
}
