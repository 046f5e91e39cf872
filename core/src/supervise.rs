//! Restarts work that panicked. A bug in this library or in a function of the application must not
//! silently stop a namespace from being updated.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tracing::error;

use crate::backoff::{Backoff, BackoffPolicy};

// A panic usually repeats at once; the growing pause keeps it from filling the log and a processor.
const PAUSE: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(60)).jittered(0.2);

/// Runs `work` on `subject` until it returns, and starts it again after a pause each time it
/// panics. `what` names the work in the log.
pub(crate) async fn supervise<S: Send>(
    what: &'static str,
    subject: &mut S,
    work: for<'a> fn(&'a mut S) -> BoxFuture<'a, ()>,
) {
    let mut pause = Backoff::new(PAUSE);
    let mut random = fastrand::Rng::new();
    // A panic may leave the subject half updated. The restarted work loads or polls again, which
    // replaces what the interrupted one left behind.
    while AssertUnwindSafe(work(subject)).catch_unwind().await.is_err() {
        error!(what, "a task panicked and was restarted; please report this");
        sleep(pause.next_delay(&mut random)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_begun_anew_until_it_ends() {
        let mut left = 3;
        supervise("test", &mut left, |left| {
            Box::pin(async {
                tokio::task::yield_now().await;
                *left -= 1;
                assert_eq!(*left, 0, "as a fault does");
            })
        })
        .await;
        assert_eq!(left, 0);
    }
}
