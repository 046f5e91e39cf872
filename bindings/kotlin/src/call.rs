//! Calls that wait. Each is a task of the client's runtime, so that the JVM is only woken by its
//! threads, and under no lock.

use std::future::Future;

use castalia_core::{Error, ErrorKind, Result, blocking};
use tokio_util::task::AbortOnDropHandle;

use crate::error::Failure;

/// Runs a future on the runtime. Callers that stop waiting cancel it.
pub(crate) async fn run<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T, Failure> {
    let task = AbortOnDropHandle::new(blocking::spawn(future)?);
    let panicked = |_| {
        let text = "a bug in this library was caught; please report it";
        Err(Error::new(ErrorKind::Internal, "call", text))
    };
    Ok(task.await.unwrap_or_else(panicked)?)
}
