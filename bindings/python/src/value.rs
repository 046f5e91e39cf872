//! Parses values as other types, by the same rules as in every language.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use castalia_core::format::value;
use castalia_core::host::read::Origin;
use castalia_core::{Error, ErrorKind, FromValue, ReadRules, Zone};
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::exception;

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

/// The value of a key; `None` if it is missing.
pub(crate) type Found<'py> = PyResult<Option<Bound<'py, PyAny>>>;

/// A value of the core as Python's; an exception if it is out of range there.
type Converted<'py> = PyResult<Bound<'py, PyAny>>;

/// Why a value that the core can represent, but not its Python type, cannot be read.
pub(crate) const OUT_OF_RANGE: &str = "the value is out of range of its Python type";

/// The value of a key by type; `None` if it is missing, an exception if it is malformed.
pub(crate) fn read<'py>(
    py: Python<'py>,
    origin: &Origin<'_>,
    value_type: ValueType,
    key: &str,
) -> PyResult<Option<Converted<'py>>> {
    match value_type {
        ValueType::Int => read_as(origin, key, |number: i32| number.into_bound_py_any(py)),
        ValueType::Long => read_as(origin, key, |number: i64| number.into_bound_py_any(py)),
        ValueType::Float => read_as(origin, key, |number: f64| number.into_bound_py_any(py)),
        ValueType::Bool => read_as(origin, key, |flag: bool| flag.into_bound_py_any(py)),
        ValueType::Duration => read_as(origin, key, |time: Duration| time.into_bound_py_any(py)),
        ValueType::Date => read_as(origin, key, |time| local(py, time)),
    }
}

fn read_as<'py, T: FromValue>(
    origin: &Origin<'_>,
    key: &str,
    convert: impl FnOnce(T) -> Converted<'py>,
) -> PyResult<Option<Converted<'py>>> {
    Ok(origin.try_get(key).map_err(exception)?.map(convert))
}

/// A moment as a `datetime` in this machine's time zone.
fn local(py: Python<'_>, time: SystemTime) -> Converted<'_> {
    let utc = moment(py, time)?;
    utc.call_method0("astimezone").or_else(|_| {
        // Windows has no local time before 1970: with the offset of 1970, it is the same moment.
        let zone = moment(py, UNIX_EPOCH)?.call_method0("astimezone")?.getattr("tzinfo")?;
        utc.call_method1("astimezone", (zone,))
    })
}

/// A moment as a `datetime` in UTC.
pub(crate) fn moment(py: Python<'_>, time: SystemTime) -> Converted<'_> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(_) => time.into_bound_py_any(py),
        // PyO3 converts no moment before the epoch.
        Err(before) => UNIX_EPOCH.into_bound_py_any(py)?.sub(before.duration()),
    }
}

/// The value of a text by type, if its snapshot is no longer available; see `View.read`. The rules
/// are those of `View.parts`.
#[pyfunction]
#[pyo3(signature = (value_type: "ValueType[_T]", key, text, rules) -> "_T | None")]
pub(crate) fn read_text<'py>(
    py: Python<'py>,
    value_type: ValueType,
    key: &str,
    text: &str,
    rules: (String, bool, bool),
) -> Found<'py> {
    let (zone, lenient_dates, strict_booleans) = rules;
    let zone = Zone::parse(&zone).ok_or_else(|| PyValueError::new_err("unknown time zone"))?;
    let origin = Origin::Text(Some(text), ReadRules { zone, lenient_dates, strict_booleans });
    read(py, &origin, value_type, key)?.transpose().map_err(|_| {
        exception(Error::new(ErrorKind::Parse, "read value", OUT_OF_RANGE).with("key", key))
    })
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[pyfunction]
pub(crate) fn parse_list<'a>(text: &'a str, delimiter: &str, trim: bool) -> Vec<&'a str> {
    value::list(text, delimiter, trim)
}
