//! Keeps the list current: asks once in each interval, and more often while no service answers.

use std::mem;
use std::time::Duration;

use tokio::time::{sleep, sleep_until};
use tracing::{debug, info, warn};

use super::{Discovery, MetaServers};
use crate::backoff::apply_jitter;
use crate::error::Error;
use crate::redact::without_credentials;

// Clients that were deployed together would otherwise ask the meta server at the same moment
// forever.
const REFRESH_JITTER: f64 = 0.1;
/// Longest delays of the repeated queries of a start, which the pace allows after 1, 2 and 4 s: the
/// same clients must not repeat them at the same moments. None for the first one, for which callers
/// wait.
const START_SPREADS: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(400), Duration::from_millis(800)];
/// Pause between queries while no service answers, plus or minus a half: 5 to 15 s.
const LOST_PAUSE: Duration = Duration::from_secs(10);
const LOST_JITTER: f64 = 0.5;

impl Discovery {
    /// Asks the meta servers at the start, again about 1, 3 and 7 s later as long as no service is
    /// known, and then once in each interval and whenever every service of the list has failed;
    /// every 5 to 15 s until a service answers. A failure or an empty list keeps the services known
    /// so far. Failures are passed to `on_error`, except those at the start, which callers of
    /// [`Discovery::services`] receive.
    pub async fn refresh_forever(&self, on_error: impl Fn(&Error)) {
        let Some(meta) = &self.inner.meta else {
            return;
        };
        meta.query.lock().await.pace.back_off();
        self.query_at_start(meta).await;
        let mut is_failing = false;
        loop {
            self.wait_until_due(meta).await;
            let outcome = self.query_shared().await;
            self.log_change(&mut is_failing, outcome.as_ref().err());
            if let Err(error) = &outcome {
                on_error(error);
            }
        }
    }

    /// Logs that refreshes begin to fail, at the first one, because the next is minutes away, and
    /// that they work again.
    fn log_change(&self, is_failing: &mut bool, error: Option<&Error>) {
        match error {
            None if mem::take(is_failing) => {
                let meta_server = self.meta_server().unwrap_or_default();
                let meta_server = &*without_credentials(&meta_server);
                info!(meta_server, "refreshing the list of services works again");
            }
            None => {}
            // While no service is known, loads report the error.
            Some(error) if *is_failing || self.is_empty() => debug!(%error, "discovery failed"),
            Some(error) => {
                *is_failing = true;
                warn!(%error, "cannot refresh the list of services; using those known so far");
            }
        }
    }

    async fn query_at_start(&self, meta: &MetaServers) {
        if self.has_found().await {
            return;
        }
        for spread in START_SPREADS {
            self.wait_until_allowed(meta).await;
            sleep(spread.mul_f64(self.random(fastrand::Rng::f64))).await;
            if self.has_found().await {
                return;
            }
        }
    }

    /// Whether a service is known; asks a meta server if not.
    async fn has_found(&self) -> bool {
        !self.is_empty() || self.query_shared().await.is_ok()
    }

    /// Waits for the next query. Services that move during an outage announce nothing, so that only
    /// repeated queries find them.
    async fn wait_until_due(&self, meta: &MetaServers) {
        let is_lost = self.is_lost();
        let pause = self.random(|random| match is_lost {
            true => apply_jitter(LOST_PAUSE, LOST_JITTER, random),
            false => apply_jitter(meta.options.refresh_interval, REFRESH_JITTER, random),
        });
        tokio::select! {
            () = sleep(pause) => {}
            () = self.wait_until_all_fail(), if !is_lost => {}
        }
        // The services of a new list may fail at once, and a caller may have asked meanwhile.
        self.wait_until_allowed(meta).await;
    }

    /// Returns once the next query may be sent.
    async fn wait_until_allowed(&self, meta: &MetaServers) {
        let next_at = meta.query.lock().await.pace.next_at(self.is_lost());
        if let Some(next_at) = next_at {
            sleep_until(next_at).await;
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
