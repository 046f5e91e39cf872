//! Work of a request that continues if the caller disconnects. Knows no HTTP.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use tracing::Instrument as _;

/// Runs a part of a request to its end.
pub(crate) async fn to_the_end<F>(part: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    output(tokio::spawn(part.in_current_span())).await
}

/// The same for a limited number of callers that disconnected, so that they cannot start more work,
/// and occupy more memory, than they have connections. `abandoned` counts them; the work of others
/// ends with them. `unheard` receives the output that no caller receives.
pub(crate) async fn to_the_end_within<F>(
    abandoned: &'static Semaphore,
    part: F,
    unheard: impl FnOnce(&F::Output) + Send + 'static,
) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    to_the_end_with(move || abandoned.try_acquire().ok(), part, unheard).await
}

/// The same with any place that `abandon` returns when the caller disconnects, which is kept until
/// the part ends; without one, the part ends at once.
pub(crate) async fn to_the_end_with<F, P>(
    abandon: impl FnOnce() -> Option<P> + Send,
    part: F,
    unheard: impl FnOnce(&F::Output) + Send + 'static,
) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
    P: Send + Sync + 'static,
{
    let place = Arc::new(OnceLock::new());
    let kept = Arc::clone(&place);
    let part = async move {
        let output = part.await;
        if kept.get().is_some() {
            unheard(&output);
        }
        output
    };
    let task = tokio::spawn(part.in_current_span());
    let _caller = DisconnectGuard { task: task.abort_handle(), abandon: Some(abandon), place };
    output(task).await
}

async fn output<T>(task: JoinHandle<T>) -> T {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(output) => output,
        Err(Ok(panic)) => resume_unwind(panic),
        // The process ends, and this request with it.
        Err(Err(_)) => pending().await,
    }
}

/// Dropped when the caller has its answer, or disconnects.
struct DisconnectGuard<P, A: FnOnce() -> Option<P>> {
    task: AbortHandle,
    abandon: Option<A>,
    /// Kept until the task ends.
    place: Arc<OnceLock<P>>,
}

impl<P, A: FnOnce() -> Option<P>> Drop for DisconnectGuard<P, A> {
    fn drop(&mut self) {
        if self.task.is_finished() {
            return;
        }
        match self.abandon.take().and_then(|abandon| abandon()) {
            Some(place) => drop(self.place.set(place)),
            None => self.task.abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::watch;
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test]
    async fn a_limited_number_of_parts_continues_without_callers() {
        static ABANDONED: Semaphore = Semaphore::const_new(2);
        static UNHEARD: AtomicUsize = AtomicUsize::new(0);
        let unheard = |_: &usize| {
            UNHEARD.fetch_add(1, Ordering::SeqCst);
        };
        for round in 1..=2 {
            let (open, gate) = watch::channel(false);
            let done = Arc::new(AtomicUsize::new(0));
            let part = || {
                let (mut gate, done) = (gate.clone(), Arc::clone(&done));
                async move {
                    gate.wait_for(|is_open| *is_open).await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst)
                }
            };
            for _ in 0..5 {
                assert!(to_the_end_within(&ABANDONED, part(), unheard).now_or_never().is_none());
            }
            let mut waiting = std::pin::pin!(to_the_end_within(&ABANDONED, part(), unheard));
            assert!(waiting.as_mut().now_or_never().is_none());
            open.send(true).unwrap();
            // Whose caller waits ends in any case.
            waiting.await;
            let ended = async {
                while ABANDONED.available_permits() < 2 {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(30), ended).await.unwrap();
            assert_eq!(done.load(Ordering::SeqCst), 3);
            assert_eq!(UNHEARD.load(Ordering::SeqCst), 2 * round);
        }
    }
}
