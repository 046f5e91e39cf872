//! Parses values as other types, by the same rules as in every language; `None` if a value is
//! malformed.

use std::time::{Duration, SystemTime};

use castalia_core::format::value::list;
use castalia_core::{FromValue, ReadRules, Zone};

/// A 32-bit integer.
#[uniffi::export]
fn parse_int(text: &str) -> Option<i32> {
    i32::from_value(text)
}

/// A 64-bit integer.
#[uniffi::export]
fn parse_long(text: &str) -> Option<i64> {
    i64::from_value(text)
}

/// A floating-point number.
#[uniffi::export]
fn parse_double(text: &str) -> Option<f64> {
    f64::from_value(text)
}

/// A boolean, by the client's rules.
#[uniffi::export]
fn parse_boolean(text: &str, strict: bool) -> Option<bool> {
    bool::read(text, ReadRules { strict_booleans: strict, ..ReadRules::default() })
}

/// A text such as `2D3H4M5S123MS`, or `500` for milliseconds.
#[uniffi::export]
fn parse_duration(text: &str) -> Option<Duration> {
    Duration::from_value(text)
}

/// A date. Without a time zone it is in UTC; the JVM applies its own.
#[uniffi::export]
fn parse_date(text: &str, lenient: bool) -> Option<SystemTime> {
    let rules = ReadRules { zone: Zone::Utc, lenient_dates: lenient, ..ReadRules::default() };
    SystemTime::read(text, rules)
}

/// Splits a text at a delimiter.
#[uniffi::export]
fn parse_list(text: &str, delimiter: &str, trim: bool) -> Vec<String> {
    list(text, delimiter, trim).into_iter().map(str::to_owned).collect()
}
