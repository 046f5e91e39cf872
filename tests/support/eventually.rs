//! Bounded waiting instead of sleeping; a timeout names what was awaited.

use std::future::Future;
use std::time::{Duration, Instant};

use super::http::Answer;

/// Longest wait; far above what anything here should take, so that only a fault exceeds it.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);
/// Pause before a request that was refused for now is sent again.
const PAUSE: Duration = Duration::from_millis(200);

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

/// Patience of a caller that repeats a request as long as it is refused for now, as answers say: on
/// a busy machine the database may not answer in time.
#[derive(Debug)]
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    /// Sends a request, and again as long as it is refused for now.
    pub(crate) async fn send<Fut: Future<Output = Answer>>(
        self,
        mut send: impl FnMut() -> Fut,
    ) -> Answer {
        loop {
            let answer = send().await;
            if !self.repeats(&answer).await {
                return answer;
            }
        }
    }

    /// Whether the request is to be sent again; waits before that.
    pub(crate) async fn repeats(&self, answer: &Answer) -> bool {
        let repeats = answer.is_refused_for_now() && self.0.elapsed() < PATIENCE;
        if repeats {
            tokio::time::sleep(PAUSE).await;
        }
        repeats
    }
}
