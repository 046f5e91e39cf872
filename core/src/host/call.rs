//! Runs what a host asks for. No panic crosses the border to the host: it becomes an error.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;
use tokio_util::task::AbortOnDropHandle;

use crate::blocking;
use crate::blocking_thread;
use crate::error::{Error, ErrorKind, Result};

/// The error of a call that panicked.
#[must_use]
pub fn caught_panic() -> Error {
    let text = "a bug in this library was caught; please report it";
    Error::new(ErrorKind::Internal, "call", text)
}

/// Runs a call that does not wait.
///
/// ```
/// use castalia_core::{ErrorKind, host::call};
///
/// let panicked = call::now(|| -> castalia_core::Result<()> { panic!("a bug") });
/// assert_eq!(panicked.unwrap_err().kind(), ErrorKind::Internal);
/// ```
///
/// # Errors
/// The error of the call; [`ErrorKind::Internal`] if it panicked.
pub fn now<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(caught_panic()))
}

/// Runs a future on the shared runtime and passes its result to `done`, on a thread of the runtime
/// that must not block. Without a runtime, `done` receives the error of [`blocking::runtime`] here.
pub fn spawn<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
    done: impl FnOnce(Result<T>) + Send + 'static,
) {
    match blocking::runtime() {
        Ok(runtime) => drop(runtime.spawn(async move { done(outcome(future).await) })),
        Err(error) => done(Err(error)),
    }
}

/// Like [`spawn`], for a `done` that may block.
///
/// # Errors
/// As [`blocking::runtime`]; `done` is then not called.
pub fn spawn_then_block<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
    done: impl FnOnce(Result<T>) + Send + 'static,
) -> Result<()> {
    blocking::spawn(async move {
        let result = outcome(future).await;
        // Fails if `done` panics, and nobody waits for it.
        let _ = blocking_thread::start(move || done(result)).await.await;
    })?;
    Ok(())
}

async fn outcome<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let result = AssertUnwindSafe(future).catch_unwind().await;
    result.unwrap_or_else(|_| Err(caught_panic()))
}

/// Runs a future on the shared runtime, for hosts that poll futures on threads of their own.
/// Dropping the wait cancels the future.
///
/// # Errors
/// Those of the future and of [`blocking::runtime`]; [`ErrorKind::Internal`] if it panicked.
pub async fn run<T: Send + 'static>(
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = AbortOnDropHandle::new(blocking::spawn(future)?);
    task.await.unwrap_or_else(|_| Err(caught_panic()))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_wherever_it_happens() {
        let fault = || -> Result<()> { panic!("on purpose") };
        let (sender, ended) = sync_channel(2);
        let other = sender.clone();
        spawn(async move { fault() }, move |result| drop(sender.send(result)));
        spawn_then_block(async move { fault() }, move |result| drop(other.send(result))).unwrap();
        let waited = blocking::runtime().unwrap().block_on(run(async move { fault() }));
        for result in [now(fault), ended.recv().unwrap(), ended.recv().unwrap(), waited] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Internal);
        }
    }
}
