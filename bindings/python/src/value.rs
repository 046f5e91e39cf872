//! From the text of a value to its type, by the same rules as in every language; `None` for a malformed one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use castalia_core::FromValue;
use castalia_core::format::value;
use pyo3::prelude::*;

/// A whole number of 32 bits.
#[pyfunction]
pub(crate) fn parse_int(text: &str) -> Option<i32> {
    i32::from_value(text)
}

/// A whole number of 64 bits.
#[pyfunction]
pub(crate) fn parse_long(text: &str) -> Option<i64> {
    i64::from_value(text)
}

/// A number.
#[pyfunction]
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    f64::from_value(text)
}

/// `true` in any case; everything else is false.
#[pyfunction]
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    bool::from_value(text)
}

/// Milliseconds of a text such as `2D3H4M5S123MS` or `500`.
#[pyfunction]
pub(crate) fn parse_duration(text: &str) -> Option<u128> {
    Duration::from_value(text).map(|time| time.as_millis())
}

/// Milliseconds since 1970 (UTC) of a date such as `2024-01-31 23:59:59`; without a zone it is one of this machine's.
#[pyfunction]
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    let date = SystemTime::from_value(text)?;
    match date.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).ok(),
        Err(before) => i64::try_from(before.duration().as_millis()).ok().map(|millis| -millis),
    }
}

/// The parts between a delimiter, without blanks around them if wanted, and without empty ones at the end.
#[pyfunction]
pub(crate) fn parse_list<'a>(text: &'a str, delimiter: &str, trim: bool) -> Vec<&'a str> {
    value::list(text, delimiter, trim)
}
