//! Errors as objects of the caller, and the codes, which are those of the core.

use castalia_core::Error;

use crate::boundary::CastaliaStr;

/// An argument or a setting is unusable: fix the call or the settings.
pub const CASTALIA_INVALID_ARGUMENT: i32 = 1;
/// The start policy is not met and nothing is loaded yet: wait, or accept defaults.
pub const CASTALIA_NOT_READY: i32 = 2;
/// The namespace has no release: publish it.
pub const CASTALIA_NOT_FOUND: i32 = 3;
/// The server refused the access key: fix the secret or the clock.
pub const CASTALIA_UNAUTHORIZED: i32 = 4;
/// The server refused the request as such: report it.
pub const CASTALIA_BAD_REQUEST: i32 = 5;
/// The deadline of the call passed.
pub const CASTALIA_TIMEOUT: i32 = 6;
/// No service could be reached, or all failed; the client goes on trying.
pub const CASTALIA_TRANSPORT: i32 = 7;
/// The answer of a server is not what the protocol allows.
pub const CASTALIA_PROTOCOL: i32 = 8;
/// A value or a file is not what was asked for.
pub const CASTALIA_PARSE: i32 = 9;
/// A local file cannot be read or written.
pub const CASTALIA_IO: i32 = 10;
/// The client is closed, or the handle is stale.
pub const CASTALIA_CLOSED: i32 = 11;
/// A fault of this library.
pub const CASTALIA_INTERNAL: i32 = 12;

/// Why a call failed. The caller owns it and releases it.
#[derive(Debug)]
pub struct CastaliaError {
    code: i32,
    name: &'static str,
    message: String,
}

impl CastaliaError {
    pub(crate) fn boxed(error: &Error) -> Box<Self> {
        let (code, name) = (error.kind().code(), error.kind().name());
        Box::new(Self { code, name, message: error.to_string() })
    }
}

/// Kind of an error, one of the constants above; 0 for NULL, which is no error.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_code(error: Option<&CastaliaError>) -> i32 {
    error.map_or(0, |error| error.code)
}

/// Name of the kind of an error, such as `NotFound`; it lives for ever. Empty for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_name(error: Option<&CastaliaError>) -> CastaliaStr {
    CastaliaStr::of(error.map_or("", |error| error.name))
}

/// What happened, in one line for people; it lives as long as the error. Empty for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_message(error: Option<&CastaliaError>) -> CastaliaStr {
    CastaliaStr::of(error.map_or("", |error| &error.message))
}

/// Releases an error.
#[unsafe(no_mangle)]
pub extern "C" fn castalia_error_release(error: Option<Box<CastaliaError>>) {
    drop(error);
}
