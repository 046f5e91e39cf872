//! Tasks with the lifetime of the node: a panic is logged and the task restarted, so that its work
//! never ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Minimum and maximum pause before a task that panicked is restarted.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs the background tasks, signals them to stop, and waits for them at the end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// Counts the running tasks.
    pub tracker: TaskTracker,
    /// Cancelled when the node ends.
    pub shutdown: CancellationToken,
}

impl Background {
    /// Runs a task until it returns or the node ends; restarts it after a panic.
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
                // The restart must not depend on the log.
                let _ = std::panic::catch_unwind(|| {
                    tracing::error!(task = name, "a background task panicked; restarting it");
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
