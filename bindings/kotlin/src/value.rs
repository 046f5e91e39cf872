//! From the text of a value to its type, by the same rules as in every language; nothing for a malformed one.

use std::time::Duration;

use castalia_core::FromValue;
use tracing::warn;

/// A whole number of 32 bits.
#[uniffi::export]
fn parse_int(text: &str) -> Option<i32> {
    i32::from_value(text)
}

/// A whole number of 64 bits.
#[uniffi::export]
fn parse_long(text: &str) -> Option<i64> {
    i64::from_value(text)
}

/// A number.
#[uniffi::export]
fn parse_double(text: &str) -> Option<f64> {
    f64::from_value(text)
}

/// `true` in any case; everything else is false.
#[uniffi::export]
fn parse_boolean(text: &str) -> Option<bool> {
    bool::from_value(text)
}

/// A text such as `2D3H4M5S123MS`, or `500` for milliseconds.
#[uniffi::export]
fn parse_duration(text: &str) -> Option<Duration> {
    Duration::from_value(text)
}

/// Logs that a value is malformed.
#[uniffi::export]
fn note_malformed(namespace: &str, key: &str) {
    warn!(namespace, key, "malformed value; the default of the reader counts");
}
