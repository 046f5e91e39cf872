//! Errors as values, from which JavaScript creates its class: a call returns its result or a
//! failure.

use castalia_core::host::describe;
use castalia_core::{Error, Result};
use napi::Either;
use napi_derive::napi;

/// Why a call failed.
#[napi]
pub struct Failure {
    pub(crate) error: Error,
}

#[napi]
impl Failure {
    /// The error, as JSON.
    #[napi(getter, catch_unwind)]
    pub fn record(&self) -> String {
        describe::error(&self.error).to_string()
    }
}

/// The result of a call, as JavaScript receives it.
pub(crate) fn result_or_failure<T>(result: Result<T>) -> Either<T, Failure> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(Failure { error }),
    }
}
