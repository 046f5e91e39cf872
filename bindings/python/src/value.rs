//! Parses values as other types, by the same rules as in every language.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use castalia_core::format::value;
use castalia_core::host::read;
use castalia_core::{Error, ErrorKind, FromValue, ReadRules, Snapshot, Zone};
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::PyValueError;
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

/// Where a value comes from.
pub(crate) enum Origin<'a> {
    /// A snapshot, which caches parsed values and reports malformed ones.
    Content(&'a Snapshot),
    /// Only a text; `None` if it is missing.
    Text(Option<&'a str>, ReadRules),
}

/// Why a value cannot be read.
pub(crate) enum Unreadable {
    /// The core found it malformed, and has reported that if it is the value of a snapshot.
    Malformed(Error),
    /// The core can represent it, but its Python type cannot.
    OutOfRange,
}

impl Unreadable {
    pub(crate) const OUT_OF_RANGE: &'static str = "the value is out of range of its Python type";
}

impl Origin<'_> {
    /// The value by type; `None` if it is missing.
    pub(crate) fn read<'py>(
        &self,
        py: Python<'py>,
        value_type: ValueType,
        key: &str,
    ) -> Result<Option<Bound<'py, PyAny>>, Unreadable> {
        match value_type {
            ValueType::Int => self.read_as(key, |number: i32| number.into_bound_py_any(py)),
            ValueType::Long => self.read_as(key, |number: i64| number.into_bound_py_any(py)),
            ValueType::Float => self.read_as(key, |number: f64| number.into_bound_py_any(py)),
            ValueType::Bool => self.read_as(key, |flag: bool| flag.into_bound_py_any(py)),
            ValueType::Duration => self.read_as(key, |time: Duration| time.into_bound_py_any(py)),
            ValueType::Date => {
                self.read_as(key, |time| moment(py, time)?.call_method0("astimezone"))
            }
        }
    }

    fn read_as<T: FromValue, V>(
        &self,
        key: &str,
        convert: impl FnOnce(T) -> PyResult<V>,
    ) -> Result<Option<V>, Unreadable> {
        let value = match self {
            Origin::Content(snapshot) => snapshot.try_get(key).map_err(Unreadable::Malformed)?,
            Origin::Text(None, _) => None,
            Origin::Text(Some(text), rules) => {
                let malformed = |error: Error| Unreadable::Malformed(error.with("key", key));
                Some(read::parse(text, *rules).map_err(malformed)?)
            }
        };
        value.map(convert).transpose().map_err(|_| Unreadable::OutOfRange)
    }
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
    let read = origin.read(py, value_type, &key).map_err(|reason| match reason {
        Unreadable::Malformed(error) => Raised(error),
        Unreadable::OutOfRange => {
            let error = Error::new(ErrorKind::Parse, "read value", Unreadable::OUT_OF_RANGE);
            Raised(error.with("key", &*key))
        }
    });
    Ok(read?)
}

/// Splits a text at a delimiter, optionally trimming white space, without empty parts at the end.
#[pyfunction]
pub(crate) fn parse_list<'a>(text: &'a str, delimiter: &str, trim: bool) -> Vec<&'a str> {
    value::list(text, delimiter, trim)
}
