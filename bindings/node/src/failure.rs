//! Errors as values, from which JavaScript creates its class: a call returns its result or a
//! failure.

use std::collections::HashMap;

use castalia_core::{Error, Result};
use napi::Either;
use napi_derive::napi;

/// Why a call failed.
#[napi]
pub struct Failure {
    error: Error,
}

#[napi]
impl Failure {
    /// Name of the kind.
    #[napi(getter, catch_unwind)]
    pub fn code(&self) -> &'static str {
        self.error.kind().name()
    }

    /// The whole text in one line.
    #[napi(getter, catch_unwind)]
    pub fn message(&self) -> String {
        self.error.to_string()
    }

    /// The operation that failed.
    #[napi(getter, catch_unwind)]
    pub fn operation(&self) -> &'static str {
        self.error.operation()
    }

    /// Context of the error.
    #[napi(getter, catch_unwind)]
    pub fn context(&self) -> HashMap<&str, &str> {
        self.error.context().collect()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error }
    }
}

/// The result of a call, as JavaScript receives it.
pub(crate) fn result_or_failure<T>(result: Result<T>) -> Either<T, Failure> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}
