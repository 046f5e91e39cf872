//! Records: what a caller owns until it releases it, such as a text, a list, or metrics and
//! settings by the names of their fields, which are the same in every language. A new counter
//! changes nothing here.

use std::mem::MaybeUninit;

use castalia_core::host::describe;
use serde_json::Value;

use crate::boundary::{CastaliaStr, guard_into, lend_record, text_of};
use crate::client::CastaliaClient;
use crate::error::CastaliaError;

/// A value that describes something: a record with named fields, a list, a text, a number or a
/// flag. It never changes, and any number of threads may read it.
#[derive(Debug)]
#[repr(transparent)]
pub struct CastaliaRecord(Value);

impl CastaliaRecord {
    pub(crate) fn boxed(value: impl Into<Value>) -> Box<Self> {
        Box::new(Self(value.into()))
    }
}

/// State and counters of a client, with the fields of `castalia::Metrics` in
/// `castalia/monitor.hpp`, but for `namespace`, whose C++ member ends with `_`, and times: a time
/// is a number of microseconds and has a name that ends with `_us`, only `clock_skew_ms` is in
/// milliseconds. A moment is the time since 1970 (UTC). An error is a record of `kind`, `code`,
/// `message`, `operation` and `context`. Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_metrics(
    client: CastaliaClient,
    metrics: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(metrics, || Ok(CastaliaRecord::boxed(describe::metrics(&*client.get()?))))
}

/// Every effective setting of a client and its origin, as a list of records with the fields of
/// `castalia::Setting`. Secrets are masked. Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_settings(
    client: CastaliaClient,
    settings: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(settings, || Ok(CastaliaRecord::boxed(describe::settings(&*client.get()?))))
}

/// The metrics of a client as OpenMetrics text. Release it with `castalia_record_release`.
///
/// Fails with `CASTALIA_CLOSED` for a stale handle.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_client_metrics_text(
    client: CastaliaClient,
    text: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
) -> Option<Box<CastaliaError>> {
    guard_into(text, || Ok(CastaliaRecord::boxed(client.get()?.metrics_text())))
}

/// The field of a record; NULL if it is unset or there is none of this name. Valid until the record
/// that a function such as `castalia_client_metrics` wrote is released.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_field(
    record: Option<&CastaliaRecord>,
    name: CastaliaStr,
) -> Option<&CastaliaRecord> {
    let field = record?.0.get(name.text().ok()?)?;
    (!field.is_null()).then(|| lend_record(field))
}

/// The item of a list at an index; NULL beyond the last one. Valid as long as a field.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_item(
    list: Option<&CastaliaRecord>,
    index: usize,
) -> Option<&CastaliaRecord> {
    list?.0.get(index).map(lend_record)
}

/// A text; NULL for anything else. Valid as long as a field.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_text(text: Option<&CastaliaRecord>) -> CastaliaStr {
    text_of(text, |text| text.0.as_str())
}

/// A number, or 1 and 0 for a flag; `otherwise` for anything else, such as NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_number(number: Option<&CastaliaRecord>, otherwise: i64) -> i64 {
    number
        .and_then(|number| number.0.as_i64().or_else(|| number.0.as_bool().map(i64::from)))
        .unwrap_or(otherwise)
}

/// Releases the record that a function such as `castalia_client_metrics` wrote, and every part that
/// was read from it. Never pass a part. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_record_release(record: Option<Box<CastaliaRecord>>) {
    drop(record);
}
