//! The language boundary: text in and out, results, reference counts, user data, and the guard that
//! stops panics. All unsafe code is here.

use std::any::Any;
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::Arc;

use castalia_core::host::{call, handle};
use castalia_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::error::CastaliaError;
use crate::record::CastaliaRecord;

/// UTF-8 text with its length in bytes. NULL with length 0 is the empty text.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct CastaliaStr {
    ptr: *const c_char,
    len: usize,
}

impl CastaliaStr {
    /// A view of a text, valid as long as the text.
    pub(crate) fn of(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }

    /// A view of a text; NULL if there is none, which differs from the empty text.
    pub(crate) fn of_option(text: Option<&str>) -> Self {
        text.map_or(Self { ptr: std::ptr::null(), len: 0 }, Self::of)
    }

    /// The caller's text, valid during the call.
    pub(crate) fn text(&self) -> Result<&str> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map_err(|error| unusable("a text is not UTF-8").caused_by(error))
    }

    /// The caller's text before it is checked to be UTF-8.
    #[inline]
    pub(crate) fn bytes(&self) -> Result<&[u8]> {
        array(self.ptr.cast(), self.len, "a text has a NULL pointer or an impossible length")
    }
}

/// The texts of an array of the caller.
pub(crate) fn texts(texts: *const CastaliaStr, len: usize) -> Result<Vec<String>> {
    let texts = array(texts, len, "an array of texts has a NULL pointer or an impossible length")?;
    texts.iter().map(|text| text.text().map(str::to_owned)).collect()
}

/// An array of the caller, valid during the call.
#[inline]
fn array<'a, T>(first: *const T, len: usize, otherwise: &'static str) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    // A slice must not exceed `isize::MAX` bytes.
    let fits = len <= isize::MAX as usize / size_of::<T>();
    if first.is_null() || !first.is_aligned() || !fits {
        return Err(unusable(otherwise));
    }
    // SAFETY: views that are read here come from C, which guarantees `len` readable elements during
    // the call.
    Ok(unsafe { slice::from_raw_parts(first, len) })
}

/// Calls a function that writes the reason of a refusal into the memory it receives, and returns
/// other than 0.
pub(crate) fn reason_of(call: impl FnOnce(*mut c_char, usize) -> i32) -> Result<(), String> {
    let mut reason = [0u8; 1024];
    if call(reason.as_mut_ptr().cast(), reason.len()) == 0 {
        return Ok(());
    }
    let end = reason.iter().position(|byte| *byte == 0).unwrap_or(reason.len());
    Err(String::from_utf8_lossy(&reason[..end]).into_owned())
}

/// Runs the body of a function; an error or a panic becomes the returned error.
pub(crate) fn guard(body: impl FnOnce() -> Result<()>) -> Option<Box<CastaliaError>> {
    call::now(body).err().as_ref().map(CastaliaError::boxed)
}

/// Runs the body of a function whose result is written into the caller's memory, which stays as it
/// is if the body fails.
pub(crate) fn guard_into<T>(
    result: Option<&mut MaybeUninit<T>>,
    body: impl FnOnce() -> Result<T>,
) -> Option<Box<CastaliaError>> {
    guard(|| {
        let result = required(result)?;
        result.write(body()?);
        Ok(())
    })
}

/// Runs the body of a function that cannot fail; a panic returns `otherwise`.
pub(crate) fn guard_or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Runs the body of a function that looks for something; returns whether it found it.
pub(crate) fn found(body: impl FnOnce() -> Option<()>) -> i32 {
    guard_or(0, || body().is_some().into())
}

/// Makes a handle stale and ends its object. A handle that is stale already or of another kind is
/// ignored.
pub(crate) fn end_handle<T: Any + Send + Sync>(id: u64, end: impl FnOnce(&T)) {
    guard_or((), || {
        if let Some(object) = handle::remove::<T>(id) {
            end(&object);
        }
    });
}

/// An argument that must not be NULL.
pub(crate) fn required<T>(argument: Option<T>) -> Result<T> {
    argument.ok_or_else(|| unusable("a required pointer is NULL"))
}

/// An error of the caller's arguments.
pub(crate) fn unusable(text: &'static str) -> Error {
    Error::new(ErrorKind::InvalidArgument, "call", text)
}

/// Passes one reference to a shared object to the caller, as a pointer to another type.
pub(crate) fn hand_out<T, Seen>(shared: Arc<T>) -> *const Seen {
    Arc::into_raw(shared).cast()
}

/// A part of a record, as long as the record.
pub(crate) fn lend_record(part: &Value) -> &CastaliaRecord {
    // SAFETY: `CastaliaRecord` is a transparent wrapper of this type.
    unsafe { &*std::ptr::from_ref(part).cast::<CastaliaRecord>() }
}

/// Adds a reference to an object; NULL is returned as such.
pub(crate) fn count<T>(object: *const T) -> *const T {
    if !object.is_null() {
        // SAFETY: the pointer is one that `hand_out` returned, or that a callback received from an
        // `Arc` that outlives the call.
        unsafe { Arc::increment_strong_count(object) };
    }
    object
}

/// Releases one reference; NULL is ignored.
pub(crate) fn take_back<T>(object: *const T) {
    if !object.is_null() {
        // SAFETY: the caller releases, once, what `hand_out` or `count` returned.
        drop(unsafe { Arc::from_raw(object) });
    }
}

/// User data of a callback.
pub(crate) struct UserData {
    data: *mut c_void,
    release: Option<extern "C" fn(*mut c_void)>,
}

// SAFETY: the header documents that a callback and the release of its data may run on any thread,
// but never at the same time, except in a child that the callback forked.
unsafe impl Send for UserData {}
// SAFETY: as above; shared references only pass the pointer on.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(data: *mut c_void, release: Option<extern "C" fn(*mut c_void)>) -> Self {
        Self { data, release }
    }

    pub(crate) fn get(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            release(self.data);
        }
    }
}

#[cfg(test)]
mod tests;
