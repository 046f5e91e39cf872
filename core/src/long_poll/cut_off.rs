//! Polls that ended without an answer after a long time: a proxy ended them while the server was
//! holding them, or the server is silent.

use std::time::Duration;

use tokio::time::Instant;
use tracing::info;

use crate::error::ErrorKind;
use crate::transport::Failure;

/// A poll that was held this long before a proxy ended it is treated as an empty one. With the
/// backoff of failures, pushes would be delayed by up to two minutes although nothing is wrong.
const HELD: Duration = Duration::from_secs(25);
/// A service that has not answered a poll by then will not do so: servers hold a poll for 60 s, and
/// a few seconds are those of the network.
const UNANSWERED: Duration = Duration::from_secs(65);
/// Pause after either. There was time enough, so no backoff: one second keeps a broken proxy from
/// causing a loop.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
// A proxy cuts every poll; one hint in an hour is enough for an operator.
const HINT_INTERVAL: Duration = Duration::from_secs(3600);

/// Whether a proxy ended a poll that the server was holding. 408, 502 and 504 are what proxies
/// answer when their timeout expires.
pub(super) fn is_cut_off(failure: &Failure) -> bool {
    let is_ended = match failure.status {
        Some(status) => matches!(status, 408 | 502 | 504),
        None => failure.error.kind() == ErrorKind::Transport,
    };
    is_ended && failure.connected_for >= HELD && !is_unanswered(failure)
}

/// Whether a service was silent for longer than servers hold a poll: it is frozen, or its answers are
/// lost.
pub(super) fn is_unanswered(failure: &Failure) -> bool {
    failure.is_silence && failure.connected_for >= UNANSWERED
}

/// When the hint about polls that end early was last logged.
#[derive(Debug, Default)]
pub(super) struct CutOffHint(Option<Instant>);

impl CutOffHint {
    /// Logs it, unless that was done within the last hour.
    pub(super) fn log(&mut self, failure: &Failure) {
        if self.0.is_none_or(|at| at.elapsed() >= HINT_INTERVAL) {
            self.0 = Some(Instant::now());
            let elapsed_ms = failure.connected_for.as_millis();
            match failure.is_silence {
                true => info!(
                    elapsed_ms,
                    "castalia.long-poll.timeout ends long polls early; raise it above 65000"
                ),
                false => info!(
                    elapsed_ms,
                    "a proxy ends long polls early; raise its read timeout above 60 s"
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn our_own_timeout_is_no_proxy_unless_it_is_shorter_than_the_hold() {
        let reset = Failure::new(Error::new(ErrorKind::Transport, "http get", "reset"));
        let silence = Failure { is_silence: true, ..reset.clone() };
        let judged = |failure: &Failure, seconds| {
            let connected_for = Duration::from_secs(seconds);
            let failure = Failure { connected_for, ..failure.clone() };
            (is_cut_off(&failure), is_unanswered(&failure))
        };
        assert_eq!(judged(&silence, 90), (false, true));
        assert_eq!(judged(&silence, 30), (true, false));
        assert_eq!(judged(&reset, 90), (true, false));
        assert_eq!(judged(&reset, 10), (false, false));
    }
}
