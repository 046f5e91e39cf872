//! Errors of the client, which JavaScript catches as exceptions that contain them as JSON.

use castalia_core::Error;
use castalia_core::host::describe;
use napi::JsError;

/// The code of these exceptions; those of panics and of wrong arguments have other codes.
const CODE: &str = "Castalia";

/// Why a call failed.
pub struct Failure(Error);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Failure> for JsError<&'static str> {
    fn from(Failure(error): Failure) -> Self {
        napi::Error::new(CODE, describe::error(&error).to_string()).into()
    }
}
