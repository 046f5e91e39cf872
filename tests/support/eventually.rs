//! Bounded waiting instead of sleeping; a timeout names what was awaited.

use std::future::Future;
use std::time::{Duration, Instant};

/// Longest wait; far above what anything here should take, so that only a fault exceeds it.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

/// Polls until there is an answer.
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
