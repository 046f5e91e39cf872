//! Errors as objects of the caller, with the codes of the core.

use castalia_core::{Error, ErrorKind};

use crate::boundary::CastaliaStr;

/// An argument or setting is invalid: fix the call or the settings.
pub const CASTALIA_INVALID_ARGUMENT: i32 = 1;
/// The start policy is not met because nothing is loaded yet: wait, or accept defaults.
pub const CASTALIA_NOT_READY: i32 = 2;
/// The namespace has no release: publish it.
pub const CASTALIA_NOT_FOUND: i32 = 3;
/// The server rejected the access key: fix the secret or the clock.
pub const CASTALIA_UNAUTHORIZED: i32 = 4;
/// The server rejected the request as malformed: report it.
pub const CASTALIA_BAD_REQUEST: i32 = 5;
/// The timeout of the call expired.
pub const CASTALIA_TIMEOUT: i32 = 6;
/// No service could be reached, or all failed. The client keeps trying.
pub const CASTALIA_TRANSPORT: i32 = 7;
/// The response violates the protocol: check what answers at that address.
pub const CASTALIA_PROTOCOL: i32 = 8;
/// A value or file does not have the expected format.
pub const CASTALIA_PARSE: i32 = 9;
/// A local file cannot be read or written.
pub const CASTALIA_IO: i32 = 10;
/// The client is closed, or the handle is stale.
pub const CASTALIA_CLOSED: i32 = 11;
/// A bug in this library.
pub const CASTALIA_INTERNAL: i32 = 12;

/// Why a call failed. The caller owns it and releases it.
pub struct CastaliaError {
    kind: ErrorKind,
    message: String,
}

impl CastaliaError {
    pub(crate) fn boxed(error: &Error) -> Box<Self> {
        Box::new(Self { kind: error.kind(), message: error.to_string() })
    }
}

/// Kind of the error, one of the constants above; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_code(error: Option<&CastaliaError>) -> i32 {
    error.map_or(0, |error| error.kind.code())
}

/// Name of the error's kind, such as `NotFound`; empty for NULL. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_name(error: Option<&CastaliaError>) -> CastaliaStr {
    CastaliaStr::of(error.map_or("", |error| error.kind.name()))
}

/// What happened, in one line for people; empty for NULL. Valid as long as the error.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_message(error: Option<&CastaliaError>) -> CastaliaStr {
    CastaliaStr::of(error.map_or("", |error| &error.message))
}

/// Releases an error.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_release(error: Option<Box<CastaliaError>>) {
    drop(error);
}
