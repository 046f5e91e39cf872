//! Reads from a snapshot: lookups through a counted pointer that never lock or wait.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use castalia_core::host::read::{epoch_millis, millis, refuse};
use castalia_core::{FromValue, Result, Snapshot};

use crate::boundary::{
    CastaliaStr, copy_terminated, count, guard, guard_or, required, take_back, text_of, unusable,
};
use crate::error::CastaliaError;
use crate::record::CastaliaRecord;

/// The values of a namespace at one moment. It never changes, any number of threads may read it,
/// and it is valid until each of its references was released.
#[derive(Debug)]
#[repr(transparent)]
pub struct CastaliaSnapshot(pub(crate) Snapshot);

/// The value of a key. `found` receives 0 or 1; if it is 0, `value` is unchanged. An empty value is
/// found.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for a key that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, out, found) = (required(snapshot)?, required(value)?, required(found)?);
        write_found(value_of(snapshot, key)?.map(CastaliaStr::of), out, Some(found));
        Ok(())
    })
}

/// The value of a key. A key is only validated if it is missing, because the keys of a snapshot are
/// UTF-8.
#[inline(always)]
fn value_of(snapshot: &CastaliaSnapshot, key: CastaliaStr) -> Result<Option<&str>> {
    let value = snapshot.0.get_bytes(key.bytes()?);
    if value.is_none() {
        key.text()?;
    }
    Ok(value)
}

/// Copies the value of a key into a buffer and terminates it with NUL. `len` receives its length
/// without the NUL, also if it does not fit, which is an error.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` if `capacity` is not greater than the length, or if the
/// value contains a NUL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_copy(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    buffer: *mut c_char,
    capacity: usize,
    len: Option<&mut MaybeUninit<usize>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, len, found) = (required(snapshot)?, required(len)?, required(found)?);
        let text = value_of(snapshot, key)?;
        found.write(text.is_some().into());
        let Some(text) = text else {
            return Ok(());
        };
        len.write(text.len());
        copy_terminated(text, buffer, capacity)
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
/// parts at the end always are. `found` receives 0 or 1 and may be NULL; if it is 0, `list` is
/// unchanged.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_get_list(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    delimiter: CastaliaStr,
    trim: i32,
    list: Option<&mut MaybeUninit<Box<CastaliaRecord>>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, out) = (&required(snapshot)?.0, required(list)?);
        let (key, delimiter) = (key.text()?, delimiter.text()?);
        let parts = match trim {
            0 => snapshot.get_list(key, delimiter),
            _ => snapshot.get_trimmed_list(key, delimiter),
        };
        write_found(parts.map(CastaliaRecord::boxed), out, found);
        Ok(())
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
    guard(|| {
        let (snapshot, out) = (required(snapshot)?, required(value)?);
        let read = snapshot.0.try_get::<T>(key.text()?);
        // Callers that pass no `found` set the default before, also for a malformed value.
        let read = if found.is_some() { read? } else { read.unwrap_or(None) };
        write_found(read.map(convert), out, found);
        Ok(())
    })
}

/// Writes whether there is a value, unless the caller passes no `found`, and the value.
#[inline(always)]
fn write_found<T>(
    value: Option<T>,
    out: &mut MaybeUninit<T>,
    found: Option<&mut MaybeUninit<i32>>,
) {
    if let Some(found) = found {
        found.write(value.is_some().into());
    }
    if let Some(value) = value {
        out.write(value);
    }
}

/// Number of keys; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_len(snapshot: Option<&CastaliaSnapshot>) -> usize {
    guard_or(0, || snapshot.map_or(0, |snapshot| snapshot.0.len()))
}

/// Key and value at an index, in the server's order.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` if the index is not below `castalia_snapshot_len`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_entry(
    snapshot: Option<&CastaliaSnapshot>,
    index: usize,
    key: Option<&mut MaybeUninit<CastaliaStr>>,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, key, value) = (required(snapshot)?, required(key)?, required(value)?);
        let entry = snapshot.0.entry(index);
        let (k, v) = entry.ok_or_else(|| unusable("the index is not below the number of keys"))?;
        key.write(CastaliaStr::of(k));
        value.write(CastaliaStr::of(v));
        Ok(())
    })
}

/// The namespace as one text: the document, or properties text; NULL if nothing has been loaded.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_content(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| snapshot.0.content())
}

/// App id of the namespace.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_app_id(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(&snapshot.0.identity().app_id))
}

/// Cluster of the client, which may differ from the one that the release came from.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_cluster(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(&snapshot.0.identity().cluster))
}

/// Name of the namespace, without a `.properties` suffix.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_namespace(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.0.namespace()))
}

/// Origin of the values: `remote`, `local`, `static` or `none`. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_source(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.0.source().name()))
}

/// Release key; empty unless the source is `remote`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_release_key(
    snapshot: Option<&CastaliaSnapshot>,
) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.0.release_key()))
}

/// Id of the newest notification that was received before the load; -1 if there was none, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_notification_id(snapshot: Option<&CastaliaSnapshot>) -> i64 {
    guard_or(-1, || snapshot.map_or(-1, |snapshot| snapshot.0.notification_id()))
}

/// When the values were loaded, in milliseconds since 1970 (UTC); for a cache or seed file, its
/// modification time. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_loaded_at(snapshot: Option<&CastaliaSnapshot>) -> i64 {
    guard_or(0, || snapshot.map_or(0, |snapshot| epoch_millis(snapshot.0.loaded_at())))
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
