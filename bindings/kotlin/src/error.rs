//! Errors as they cross the boundary. The Kotlin half has a class for each kind.

use std::collections::HashMap;

use castalia_core::host::call;
use castalia_core::{Error, ErrorKind};

use crate::content::Entry;

/// The error of a call.
#[derive(Debug, thiserror::Error, uniffi::Error)]
pub(crate) enum Failure {
    /// The only variant.
    #[error("{}", problem.text)]
    Failed {
        /// The error.
        problem: Problem,
    },
}

/// An error, to be thrown or returned.
#[derive(Debug, uniffi::Record)]
pub(crate) struct Problem {
    kind: String,
    text: String,
    operation: String,
    context: Vec<Entry>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind().name().to_owned(),
            text: error.to_string(),
            operation: error.operation().to_owned(),
            context: error.context().map(Entry::from).collect(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed { problem: Problem::from(&error) }
    }
}

/// Every kind with name and number. A test checks that each has its class.
#[uniffi::export]
fn error_kinds() -> HashMap<String, i32> {
    ErrorKind::ALL.iter().map(|kind| (kind.name().to_owned(), kind.code())).collect()
}

/// The error of a call that panicked.
#[uniffi::export]
fn caught_panic() -> Problem {
    Problem::from(&call::caught_panic())
}
