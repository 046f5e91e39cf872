//! Polls that a proxy ended while the server was holding them.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::error::ErrorKind;
use crate::transport::Failure;

/// A poll that was held this long before a proxy ended it is treated as an empty one. With the
/// backoff of failures, pushes would be delayed by up to two minutes although nothing is wrong.
const HELD: Duration = Duration::from_secs(25);
/// Pause after it. Servers are not at fault, so no backoff: one second keeps a broken proxy from
/// causing a loop.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
// A proxy cuts every poll; one hint in an hour is enough for an operator.
const HINT_INTERVAL: Duration = Duration::from_secs(3600);

/// Whether a proxy ended a poll that the server was holding. 408, 502 and 504 are what proxies
/// answer when their timeout expires.
pub(super) fn is_cut_off(failure: &Failure, after: Duration) -> bool {
    let is_ended = match failure.status {
        Some(status) => matches!(status, 408 | 502 | 504),
        None => failure.error.kind() == ErrorKind::Transport,
    };
    is_ended && after >= HELD
}

/// When the hint about a proxy was last logged.
#[derive(Debug, Default)]
pub(super) struct CutOffHint(Option<Instant>);

impl CutOffHint {
    /// Logs it, unless that was done within the last hour.
    pub(super) fn log(&mut self, after: Duration) {
        if self.0.is_none_or(|at| at.elapsed() >= HINT_INTERVAL) {
            self.0 = Some(Instant::now());
            let elapsed_ms = after.as_millis();
            info!(elapsed_ms, "a proxy ends long polls early; raise its read timeout above 60 s");
        }
    }
}
