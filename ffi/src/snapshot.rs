//! Reads of one content of a namespace: plain look-ups on a counted pointer, without a lock and without a wait.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use castalia_core::{FromValue, Result, Snapshot};

use crate::boundary::{
    CastaliaStr, copy_terminated, count, guard, guard_or, required, take_back, unusable,
};
use crate::error::CastaliaError;

/// The content of a namespace at one moment. It never changes, any number of threads may read it, and it lives until it was
/// released as often as it was handed out.
#[derive(Debug)]
#[repr(transparent)]
pub struct CastaliaSnapshot(pub(crate) Snapshot);

/// The value of a key. `found` is 0 or 1; where it is 0, `value` is left as it was. An empty value is a value.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for a key that is not UTF-8.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, out, found) = (required(snapshot)?, required(value)?, required(found)?);
        let text = value_of(snapshot, key)?;
        found.write(text.is_some().into());
        if let Some(text) = text {
            out.write(CastaliaStr::of(text));
        }
        Ok(())
    })
}

/// The value of a key. Only one that has none is looked at further: what the snapshot has is UTF-8.
#[inline(always)]
fn value_of(snapshot: &CastaliaSnapshot, key: CastaliaStr) -> Result<Option<&str>> {
    let value = snapshot.0.get_bytes(key.bytes()?);
    if value.is_none() {
        key.text()?;
    }
    Ok(value)
}

/// Copies the value of a key into memory of the caller and ends it with NUL. `len` becomes its length without the NUL, also
/// where it does not fit, which fails.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` where `capacity` is not above the length, and where the value holds a NUL itself.
#[unsafe(no_mangle)]
#[must_use]
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

/// The value of a key as a whole number of 32 bits. Where `found` is NULL, a missing and a malformed value leave `value` as it
/// was and nothing fails: set it to the default before.
///
/// Fails with `CASTALIA_PARSE` for a malformed value, `CASTALIA_INVALID_ARGUMENT` as `castalia_snapshot_get`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_int(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i32>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: i32| number)
}

/// The value of a key as a whole number of 64 bits; as `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_long(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: i64| number)
}

/// The value of a key as a number; as `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_double(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<f64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |number: f64| number)
}

/// The value of a key as 1 for `true` in any case, else 0; as `castalia_snapshot_get_int`. With the setting
/// `castalia.strict-booleans`, `yes`, `on` and `1` are 1 as well, their opposites are 0, and all else is malformed.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_bool(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i32>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, i32::from as fn(bool) -> i32)
}

/// The value of a key, such as `2D3H4M5S123MS` or `500`, in milliseconds; as `castalia_snapshot_get_int`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_duration(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, |time: Duration| saturated(time.as_millis()))
}

/// The value of a key, such as `2024-01-31 23:59:59`, in milliseconds since 1970 (UTC); as `castalia_snapshot_get_int`. A date
/// without a zone is one of this machine's, unless the setting `castalia.time-zone` names another; days that do not exist are
/// malformed, unless `castalia.lenient-dates` lets them count on.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_get_date(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
    value: Option<&mut MaybeUninit<i64>>,
    found: Option<&mut MaybeUninit<i32>>,
) -> Option<Box<CastaliaError>> {
    read(snapshot, key, value, found, epoch_millis)
}

/// For those who parse values by themselves: says that the value of a key is malformed. It is logged and counted, once for each
/// key and snapshot. Gives the error to hand on, `CASTALIA_PARSE`; NULL where the key is missing.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` as `castalia_snapshot_get`.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_malformed(
    snapshot: Option<&CastaliaSnapshot>,
    key: CastaliaStr,
) -> Option<Box<CastaliaError>> {
    guard(|| required(snapshot)?.0.try_get::<Refused>(key.text()?).map(drop))
}

/// What no value is: reading one as this takes the place among the parsed values that tells whether it was noted.
#[derive(Clone)]
struct Refused;

impl FromValue for Refused {
    const EXPECTED: &'static str = "the parser refuses the value";

    fn from_value(_: &str) -> Option<Self> {
        None
    }
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
        let key = key.text()?;
        let read = match found {
            None => snapshot.0.try_get::<T>(key).unwrap_or(None),
            Some(found) => told(snapshot.0.try_get::<T>(key)?, found),
        };
        if let Some(read) = read {
            out.write(convert(read));
        }
        Ok(())
    })
}

fn told<T>(read: Option<T>, found: &mut MaybeUninit<i32>) -> Option<T> {
    found.write(read.is_some().into());
    read
}

/// Number of keys; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_len(snapshot: Option<&CastaliaSnapshot>) -> usize {
    guard_or(0, || snapshot.map_or(0, |snapshot| snapshot.0.len()))
}

/// The key and value at a place, in the server's order.
///
/// Fails with `CASTALIA_INVALID_ARGUMENT` from the number of keys on.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn castalia_snapshot_entry(
    snapshot: Option<&CastaliaSnapshot>,
    index: usize,
    key: Option<&mut MaybeUninit<CastaliaStr>>,
    value: Option<&mut MaybeUninit<CastaliaStr>>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let (snapshot, key, value) = (required(snapshot)?, required(key)?, required(value)?);
        let entry = snapshot.0.iter().nth(index);
        let (k, v) = entry.ok_or_else(|| unusable("the index is not below the number of keys"))?;
        key.write(CastaliaStr::of(k));
        value.write(CastaliaStr::of(v));
        Ok(())
    })
}

/// The namespace as one text: the document, or properties text; NULL while nothing is loaded.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_content(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, Snapshot::content)
}

/// App id of the namespace.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_app_id(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(&snapshot.identity().app_id))
}

/// Cluster that the namespace is read for.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_cluster(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(&snapshot.identity().cluster))
}

/// Name of the namespace, without a `.properties` suffix.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_namespace(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.namespace()))
}

/// Where the content came from: `remote`, `local`, `static` or `none`. The text lives for ever.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_source(snapshot: Option<&CastaliaSnapshot>) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.source().name()))
}

/// Identity of the release; empty unless the source is `remote`.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_release_key(
    snapshot: Option<&CastaliaSnapshot>,
) -> CastaliaStr {
    text_of(snapshot, |snapshot| Some(snapshot.release_key()))
}

/// Newest notification that was known when this was loaded; -1 for none and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_notification_id(snapshot: Option<&CastaliaSnapshot>) -> i64 {
    guard_or(-1, || snapshot.map_or(-1, |snapshot| snapshot.0.notification_id()))
}

/// When it was made, in milliseconds since 1970 (UTC); 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_loaded_at(snapshot: Option<&CastaliaSnapshot>) -> i64 {
    guard_or(0, || snapshot.map_or(0, |snapshot| epoch_millis(snapshot.0.loaded_at())))
}

/// One more count of a snapshot, to be released once more; gives it back.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_retain(
    snapshot: *const CastaliaSnapshot,
) -> *const CastaliaSnapshot {
    count(snapshot)
}

/// Releases one count of a snapshot; with the last one its texts are gone.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_snapshot_release(snapshot: *const CastaliaSnapshot) {
    guard_or((), || take_back(snapshot));
}

fn text_of<'a>(
    snapshot: Option<&'a CastaliaSnapshot>,
    read: impl FnOnce(&'a Snapshot) -> Option<&'a str>,
) -> CastaliaStr {
    guard_or(CastaliaStr::ABSENT, || {
        CastaliaStr::of_option(snapshot.and_then(|snapshot| read(&snapshot.0)))
    })
}

pub(crate) fn epoch_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => saturated(since.as_millis()),
        Err(before) => -saturated(before.duration().as_millis()),
    }
}

fn saturated(millis: u128) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}
