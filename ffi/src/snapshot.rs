//! Reads from a snapshot: lookups through a counted pointer that never lock or wait.

use std::mem::MaybeUninit;

use castalia_core::host::describe;
use castalia_core::host::read::{epoch_millis, millis, refuse};
use castalia_core::{FromValue, Result, Snapshot};

use crate::boundary::{CastaliaStr, count, found, guard, guard_or, required, take_back};
use crate::error::CastaliaError;
use crate::record::CastaliaRecord;

/// The values of a namespace at one moment. It never changes, any number of threads may read it,
/// and it is valid until each of its references was released.
#[repr(transparent)]
pub struct CastaliaSnapshot(pub(crate) Snapshot);

/// The value of a key, which is not terminated by NUL. `found` receives 0 or 1 and may be NULL; if
/// the key is missing, `value` is unchanged. An empty value is found.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for another NULL and for a key that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    look_up(value, found, || {
        let text = required(snapshot)?.0.get_bytes(key.bytes()?);
        if text.is_none() {
            // Validated only here, because the keys of a snapshot are UTF-8.
            key.text()?;
        }
        Ok(text.map(CastaliaStr::of))
    })
}

/// The value of a key as a 32-bit integer. If `found` is NULL, a missing or malformed value is not
/// an error and leaves `value` unchanged: set it to the default before.
///
/// Fails with `CASTALIA_PARSE` for a malformed value, and with `CASTALIA_INVALID_ARGUMENT` like
/// `castalia_snapshot_get`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_int(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i32>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: i32| number)
}

/// The value of a key as a 64-bit integer; see `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_long(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: i64| number)
}

/// The value of a key as a floating-point number; see `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_double(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<f64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: f64| number)
}

/// The value of a key as 1 for `true` in any case, else 0; see `castalia_snapshot_get_int`. With
/// the setting `castalia.strict-booleans`, `yes`, `on` and `1` are 1 as well, their opposites are
/// 0, and anything else is malformed.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_bool(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i32>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, i32::from as fn(bool) -> i32)
}

/// The value of a key, such as `2D3H4M5S123MS` or `500`, in milliseconds; see
/// `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_duration(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, millis)
}

/// The value of a key, such as `2024-01-31 23:59:59`, in milliseconds since 1970 (UTC); see
/// `castalia_snapshot_get_int`. A date without a time zone is in this machine's, or that of the
/// setting `castalia.time-zone`. Dates that do not exist are malformed, or carry over with
/// `castalia.lenient-dates`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_date(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, epoch_millis)
}

/// Splits the value of a key at a literal delimiter, into a list of texts. Release it with
/// `castalia_record_release`. If `trim` is not 0, white space around the parts is removed; empty
/// parts at the end always are. `found` and a missing key are as for `castalia_snapshot_get`.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for another NULL and for text that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_list(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    delimiter: CastaliaStr,
    trim: i32,
    list: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    look_up(list, found, || {
        let (snapshot, key, delimiter) = (&required(snapshot)?.0, key.text()?, delimiter.text()?);
        let parts = match trim {
            0 => snapshot.get_list(key, delimiter),
            _ => snapshot.get_trimmed_list(key, delimiter),
        };
        Ok(parts.map(CastaliaRecord::boxed))
    })
}

/// Reports a value as malformed, for callers that parse values themselves. It is logged and counted
/// once for each key and snapshot. Returns the error to pass on, `CASTALIA_PARSE`; NULL if the key
/// is missing.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` like `castalia_snapshot_get`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_malformed(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| refuse(&required(snapshot)?.0, key.text()?))
}

fn read<T: FromValue, C>(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<C>>,
    found: Option<&mut MaybeUninit<i32>>,
    convert: impl FnOnce(T) -> C,
) -> Option<Box<CastaliaError>> {
    let is_strict = found.is_some();
    look_up(value, found, || {
        let read = required(snapshot)?.0.try_get::<T>(key.text()?);
        // Callers that pass no `found` set the default before, also for a malformed value.
        let read = if is_strict { read? } else { read.unwrap_or(None) };
        Ok(read.map(convert))
    })
}

/// Runs the body of a look-up, and writes whether it found a value, unless the caller passes no
/// `found`, and the value.
#[inline(always)]
fn look_up<T>(
    out: Option<&mut MaybeUninit<T>>,
    found: Option<&mut MaybeUninit<i32>>,
    body: impl FnOnce() -> Result<Option<T>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (out, value) = (required(out)?, body()?);
        if let Some(found) = found {
            found.write(value.is_some().into());
        }
        if let Some(value) = value {
            out.write(value);
        }
        Ok(())
    })
}

/// Number of keys; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_len(snapshot: Option<&CastaliaSnapshot>) -> usize {
    guard_or(0, || snapshot.map_or(0, |snapshot| snapshot.0.len()))
}

/// Key and value at an index, in the server's order. Returns 1; 0 if the index is not below
/// `castalia_snapshot_len`, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_entry(
    snapshot: Option<&CastaliaSnapshot>,
    index: usize,
    key: Option<&mut MaybeUninit<CastaliaStr>>,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
) -> i32 {
    found(|| {
        let (snapshot, key, value) = (snapshot?, key?, value?);
        let entry = snapshot.0.entry(index)?;
        key.write(CastaliaStr::of(entry.0));
        value.write(CastaliaStr::of(entry.1));
        Some(())
    })
}

/// The namespace as one text: the document, or properties text; NULL if nothing has been loaded.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_content(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    CastaliaStr::of_option(guard_or(None, || snapshot?.0.content()))
}

/// What is known of the values: a record of `app_id`; `cluster`, that of the client, which may
/// differ from the one that the release came from; `namespace`, without a `.properties` suffix;
/// `format`; `source`, which is `remote`, `local`, `static` or `none`; `release_key`, empty unless
/// the source is `remote`; `notification_id`, the newest one that was received before the load, or
/// -1; `loaded_at_us`, for a cache or seed file its modification time; and `size`, the number of
/// keys. Release it with `castalia_record_release`. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_about(
    snapshot: Option<&CastaliaSnapshot>,
) -> Option<Box<CastaliaRecord>> {
    guard_or(None, || Some(CastaliaRecord::boxed(describe::snapshot(&snapshot?.0))))
}

/// Adds a reference, which must be released too. Returns the snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_retain(
    snapshot: *const CastaliaSnapshot,
) -> *const CastaliaSnapshot {
    count(snapshot)
}

/// Releases one reference. The last one frees the texts.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_release(snapshot: *const CastaliaSnapshot) {
    guard_or((), || take_back(snapshot));
}
