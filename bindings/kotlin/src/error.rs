//! Errors as they cross the boundary. The Kotlin half has a class for each kind.

use std::collections::HashMap;

use castalia_core::host::{call, describe};
use castalia_core::{Error, ErrorKind};

use crate::json::Json;

/// The error of a call.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub(crate) enum Failure {
    /// The only variant.
    #[error("the call failed")]
    Failed {
        /// The error, as metrics contain it.
        problem: Json,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed { problem: Json::from(describe::error(&error)) }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Every kind with name and number. A test checks that each has its class.
#[uniffi::export]
fn error_kinds() -> HashMap<String, i32> {
    ErrorKind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.code())).collect()
}

/// The error of a call that panicked.
#[uniffi::export]
fn caught_panic() -> Json {
    Json::from(describe::error(&call::caught_panic()))
}
