//! Starts work again that panicked: a fault of ours, or of a function that the application gave, must not end the freshness of
//! a namespace for good and in silence. Knows nothing of the work.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::sleep;
use tracing::error;

use crate::backoff::{Backoff, BackoffPolicy};

const PAUSE: BackoffPolicy =
    BackoffPolicy::doubling(Duration::from_secs(1), Duration::from_secs(60)).jittered(0.2);

/// Does the work on its subject until it ends by itself; each time that it panics it is begun anew after a pause. `what` names it
/// in the log.
pub(crate) async fn supervise<S: Send>(
    what: &'static str,
    subject: &mut S,
    work: for<'a> fn(&'a mut S) -> BoxFuture<'a, ()>,
) {
    let mut pause = Backoff::new(PAUSE);
    let mut random = fastrand::Rng::new();
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
