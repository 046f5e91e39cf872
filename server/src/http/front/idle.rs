//! The end of a connection that waits for a request: by the shutdown, or because its client has
//! been silent for too long. Knows neither the socket nor requests.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep};

/// Both causes, over all requests of a connection.
///
/// Thousands of clients are answered at once, so the state that all connections share is touched as
/// rarely as possible: the timer keeps running while requests are answered, and after an answer
/// neither cause is registered anew.
pub(super) struct Idle<'a, E> {
    ending: Pin<&'a mut E>,
    timer: Pin<&'a mut Sleep>,
    end: Instant,
    /// Whether both causes were polled, and so will wake the task of the connection.
    is_registered: bool,
    is_after_answer: bool,
}

impl<'a, E: Future<Output = ()>> Idle<'a, E> {
    /// `ending` completes with the shutdown.
    pub(super) fn new(ending: Pin<&'a mut E>, timer: Pin<&'a mut Sleep>) -> Self {
        let end = timer.deadline();
        Self { ending, timer, end, is_registered: false, is_after_answer: false }
    }

    /// Starts to wait for a request, until `end` at most. The caller has just checked that there is
    /// no shutdown.
    pub(super) fn restart(&mut self, end: Instant) {
        self.end = end;
        self.is_after_answer = true;
    }

    /// Completes when the connection has to end. Must always be polled by the same task.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let is_after_answer = std::mem::take(&mut self.is_after_answer);
        if is_after_answer && self.is_registered && !self.timer.is_elapsed() {
            // Neither cause has occurred, so each will still wake the task.
            return Poll::Pending;
        }
        self.is_registered = true;
        if self.ending.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        while Instant::now() < self.end {
            ready!(self.timer.as_mut().poll(context));
            self.timer.as_mut().reset(self.end);
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::{sleep, timeout};
    use tokio_util::sync::CancellationToken;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Requests that arrive together with the timer must not leave a connection without one.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_falls_silent_after_any_number_of_requests_is_noticed() {
        for pause in [1, 9_999, 10_000, 10_001] {
            let (ending, timer) = (pin!(std::future::pending()), pin!(sleep(LIMIT)));
            let mut idle = Idle::new(ending, timer);
            for _ in 0..5 {
                idle.restart(Instant::now() + LIMIT);
                let request = timeout(Duration::from_millis(pause), std::future::pending::<()>());
                let mut request = pin!(request);
                poll_fn(|context| match request.as_mut().poll(context) {
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => idle.poll(context),
                })
                .await;
            }
            let begun = Instant::now();
            idle.restart(begun + LIMIT);
            poll_fn(|context| idle.poll(context)).await;
            assert!(
                (LIMIT..LIMIT * 2).contains(&begun.elapsed()),
                "{pause}: {:?}",
                begun.elapsed()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_shutdown_is_noticed_after_an_answer() {
        let shutdown = CancellationToken::new();
        let (ending, timer) = (pin!(shutdown.cancelled()), pin!(sleep(LIMIT)));
        let mut idle = Idle::new(ending, timer);
        for _ in 0..3 {
            idle.restart(Instant::now() + LIMIT);
            assert!(futures_util::poll!(poll_fn(|context| idle.poll(context))).is_pending());
        }
        let begun = Instant::now();
        tokio::join!(poll_fn(|context| idle.poll(context)), async {
            sleep(LIMIT / 2).await;
            shutdown.cancel();
        });
        assert_eq!(begun.elapsed(), LIMIT / 2);
    }
}
