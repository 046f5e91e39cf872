//! Hashes and verifies passwords on threads of their own, a few at a time. It is slow by intent and
//! must not delay other requests. Does not know whose passwords they are.

use std::thread;

use tokio::sync::{Semaphore, oneshot};

use crate::error::{Error, Reaction, Result};

/// Maximum number of sign-ins whose passwords are verified concurrently; each occupies 19 MiB and a
/// core.
static SIGN_INS: Semaphore = Semaphore::const_new(2);
/// The same of changes of accounts, apart from sign-ins, which must not wait for them.
static CHANGES: Semaphore = Semaphore::const_new(1);

/// Does the work of a sign-in.
pub(super) async fn verifying<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    run(&SIGN_INS, work).await
}

/// Does the work of a change of an account.
pub(super) async fn changing<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    run(&CHANGES, work).await
}

/// The work continues after its caller disconnected, and so keeps its permit until it ends. On a
/// thread of its own: Tokio's pool keeps the work, and with it the permit, if no thread can be
/// started.
async fn run<T: Send + 'static>(
    permits: &'static Semaphore,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let permit = permits.acquire().await;
    let (answer, outcome) = oneshot::channel();
    let hash = move || {
        let result = work();
        drop(permit);
        drop(answer.send(result));
    };
    let started = thread::Builder::new().name("password".to_owned()).spawn(hash);
    started.map_err(|error| {
        Error::unavailable("No thread can be started to hash a password; retry.").caused_by(error)
    })?;
    let outcome = outcome.await;
    outcome.unwrap_or_else(|error| {
        Err(Error::new(Reaction::Internal, "the thread that hashes a password failed")
            .caused_by(error))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::time::timeout;

    use super::*;

    /// Longer than a busy machine needs to start a thread.
    const SOON: Duration = Duration::from_secs(60);

    /// X59.
    #[tokio::test]
    async fn a_sign_in_does_not_wait_for_changes_of_accounts() {
        let begin = || {
            let (end, ended) = sync_channel::<()>(0);
            let mut change = changing(move || Ok(ended.recv().is_err())).boxed();
            assert!((&mut change).now_or_never().is_none());
            (change, end)
        };
        let changes: Vec<_> = (0..3).map(|_| begin()).collect();
        let verified = timeout(SOON, verifying(|| Ok(true))).await;
        assert!(verified.expect("a sign-in waits for changes").unwrap());
        for (change, end) in changes {
            drop(end);
            assert!(timeout(SOON, change).await.expect("a change waits").unwrap());
        }
    }
}
