//! Bounded waiting instead of sleeping: says what it waited for when it gives up.

use std::future::Future;
use std::time::{Duration, Instant};

/// Longest wait; far above what anything here should take, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(20);

/// Asks until there is an answer.
pub(crate) async fn eventually<T, F, Fut>(what: &str, mut ask: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for: {what}");
        tokio::time::sleep(STEP).await;
    }
}
