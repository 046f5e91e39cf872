//! Tasks that live as long as the node: a panic is logged and counted as a restart, never the end of the work.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// First and longest pause before a task that panicked starts again.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What background tasks run under: waited for at the end, told when to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Counts what is running.
    pub tracker: TaskTracker,
    /// Cancelled when the node ends.
    pub shutdown: CancellationToken,
}

impl Background {
    /// Runs a task until it returns or the node ends; starts it again after a panic.
    pub fn spawn<F, Fut>(&self, name: &'static str, mut task: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        self.tracker.spawn(async move {
            let mut pause = PAUSE;
            loop {
                let run = AssertUnwindSafe(task()).catch_unwind();
                let ended = tokio::select! {
                    () = shutdown.cancelled() => return,
                    ended = run => ended,
                };
                if ended.is_ok() {
                    return;
                }
                metrics::counter!("castalia_task_restarts_total").increment(1);
                // The restart does not depend on the log.
                let _ = std::panic::catch_unwind(|| {
                    tracing::error!(task = name, "a background task panicked and starts again");
                });
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Runs a step at once and then after each pause, until the node ends.
    pub fn repeat<F, Fut>(&self, name: &'static str, pause: Duration, step: F)
    where
        F: Fn() -> Fut + Clone + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.spawn(name, move || {
            let step = step.clone();
            async move {
                loop {
                    step().await;
                    tokio::time::sleep(pause).await;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_starts_again() {
        let background = Background::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&runs);
        background.spawn("test", move || {
            let counter = Arc::clone(&counter);
            async move {
                assert!(counter.fetch_add(1, Ordering::SeqCst) >= 2, "meant to panic");
            }
        });
        background.tracker.close();
        background.tracker.wait().await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }
}
