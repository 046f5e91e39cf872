//! Keeps the list current: asks once in each interval, and more often while no service answers.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use super::{Discovery, FIRST_RETRY_DELAY, MIN_GAP};
use crate::backoff::apply_jitter;
use crate::error::Error;

// Clients that were deployed together would otherwise ask the meta server at the same moment
// forever.
const REFRESH_JITTER: f64 = 0.1;
/// Pause between queries while no service answers, plus or minus a half: 5 to 15 s.
const LOST_PAUSE: Duration = Duration::from_secs(10);
const LOST_JITTER: f64 = 0.5;

impl Discovery {
    /// Asks the meta servers at the start, a second time if that fails, and then once in each
    /// interval and whenever every service of the list has failed; every 5 to 15 s until a service
    /// answers. A failure or an empty list keeps the services known so far. Failures are passed to
    /// `on_error`, except those at the start, which callers of [`Discovery::services`] receive.
    pub async fn refresh_forever(&self, on_error: impl Fn(&Error)) {
        let Some(meta) = &self.inner.meta else {
            return;
        };
        if self.current_services().is_empty() && self.query_shared().await.is_err() {
            sleep(FIRST_RETRY_DELAY).await;
            let _ = self.query_shared().await;
        }
        meta.is_refreshed.store(true, Ordering::Relaxed);
        loop {
            self.wait_until_due(meta.options.refresh_interval).await;
            if let Err(error) = self.query_shared().await {
                debug!(%error, "discovery failed; the services known so far are kept");
                on_error(&error);
            }
        }
    }

    /// Waits for the next query. Services that move during an outage announce nothing, so that only
    /// repeated queries find them.
    async fn wait_until_due(&self, interval: Duration) {
        let asked = Instant::now();
        let is_lost = self.current_services().is_empty() || self.all_failed();
        let pause = self.random(|random| match is_lost {
            true => apply_jitter(LOST_PAUSE, LOST_JITTER, random),
            false => apply_jitter(interval, REFRESH_JITTER, random),
        });
        tokio::select! {
            () = sleep(pause) => {}
            () = self.wait_until_all_fail(), if !is_lost => sleep_until(asked + MIN_GAP).await,
        }
    }

    async fn wait_until_all_fail(&self) {
        loop {
            self.inner.all_failed.notified().await;
            // The list may have been replaced since.
            if self.all_failed() {
                return;
            }
        }
    }
}
