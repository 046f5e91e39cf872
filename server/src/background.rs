//! Tasks with the lifetime of the node: a panic is logged and the task restarted, so that its work
//! never ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
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
    /// Runs a task until it returns or the node ends; restarts it after a panic, later each time
    /// unless it ran for long.
    pub fn spawn<F, Fut>(&self, name: &'static str, mut task: F)
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let task = Box::new(move || task().boxed());
        self.tracker.spawn(supervise(name, task, self.shutdown.clone()));
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

/// Without the type of the task, so that the machinery of a task is compiled once.
async fn supervise(
    name: &'static str,
    mut task: Box<dyn FnMut() -> BoxFuture<'static, ()> + Send>,
    shutdown: CancellationToken,
) {
    let mut pause = PAUSE;
    loop {
        let begun = Instant::now();
        // Inside, because the closure may panic as well.
        let run = AssertUnwindSafe(async { task().await }).catch_unwind();
        let ended = tokio::select! {
            () = shutdown.cancelled() => return,
            ended = run => ended,
        };
        if ended.is_ok() {
            return;
        }
        metrics::counter!("castalia_task_restarts_total").increment(1);
        if begun.elapsed() > LONGEST_PAUSE {
            pause = PAUSE;
        }
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use parking_lot::Mutex;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt as _};

    use super::*;

    /// How long each run of a task takes before it panics; after the last one it returns.
    type Lives = &'static [u64];

    /// Runs such a task to its end; returns when each run began, in seconds since the first.
    async fn starts(lives: Lives, panics_at_once: bool) -> Vec<u64> {
        let background = Background::default();
        let begun = Instant::now();
        let starts = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&starts);
        background.spawn("test", move || {
            let mut starts = record.lock();
            starts.push(begun.elapsed().as_secs());
            let life = lives.get(starts.len() - 1).copied();
            drop(starts);
            assert!(!panics_at_once || life.is_none(), "meant to panic");
            async move {
                if let Some(life) = life {
                    tokio::time::sleep(Duration::from_secs(life)).await;
                    panic!("meant to panic");
                }
            }
        });
        background.tracker.close();
        background.tracker.wait().await;
        starts.lock().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_starts_again_later_each_time() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let counted = recorder.handle();
        let _recorder = metrics::set_default_local_recorder(&recorder);
        assert_eq!(starts(&[0; 8], false).await, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        assert!(
            counted.render().contains("castalia_task_restarts_total 8"),
            "{}",
            counted.render()
        );
        assert_eq!(starts(&[0, 0], true).await, [0, 1, 3], "also if the closure panics");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ran_for_long_starts_again_soon() {
        assert_eq!(starts(&[0, 0, 0, 1_000, 0], false).await, [0, 1, 3, 7, 1_008, 1_010]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_starts_again_although_the_log_panics() {
        struct Broken;
        impl<S: tracing::Subscriber> Layer<S> for Broken {
            fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
                panic!("the log is broken");
            }
        }
        let broken = tracing_subscriber::registry().with(Broken);
        let _log = tracing::subscriber::set_default(broken);
        assert_eq!(starts(&[0], false).await, [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_node_ends_its_tasks_and_their_pauses() {
        let background = Background::default();
        background.repeat("test", Duration::from_secs(1), || async {});
        background.spawn("test", || async { panic!("meant to panic") });
        tokio::time::sleep(Duration::from_secs(100)).await;
        background.shutdown.cancel();
        background.tracker.close();
        // The clock advances only while every task waits.
        let ended = tokio::time::timeout(Duration::from_millis(1), background.tracker.wait());
        assert!(ended.await.is_ok());
    }
}
