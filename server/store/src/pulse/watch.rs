//! Cancels work that waits for a database that does not answer. A slow statement on a responsive
//! database is a different case, with the longer limit.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Pulse, silence};
use crate::taken::Taken;

/// Duration of work after which a ping checks whether the database still answers. Together with the
/// ping, and its test of other connections, it remains within the three seconds within which a
/// publish has to fail.
const SUSPICION: Duration = Duration::from_millis(500);
/// Maximum duration of a read or a whole transaction on a responsive database. The sessions have the
/// same limit, on MySQL for reads only, so that the database does not continue to work for a caller
/// that received an error.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

impl Pulse {
    /// Deadline for work that starts now.
    pub(crate) fn deadline() -> Instant {
        Instant::now() + LONGEST
    }

    /// Runs the work until it is done, the deadline has passed, or the database no longer answers
    /// over the connections that were open. In the latter two cases they are in an unknown state,
    /// and none of them is used again; those that were opened later are. Work that has such a
    /// connection continues. `taken` is that of the work that preceded on the same connection, if
    /// any.
    pub(crate) async fn watch<T>(
        &self,
        deadline: Instant,
        taken: &Taken,
        work: impl Future<Output = T>,
    ) -> Result<T, DbErr> {
        let begun = Instant::now();
        let mut work = pin!(taken.note_more(work));
        let (lost, gave_up) = tokio::select! {
            // Completed work is a success, even if the deadline passes at the same moment.
            biased;
            done = &mut work => return Ok(done),
            () = sleep_until(deadline) => (Instant::now(), "the database took longer than 30 s"),
            lost = self.silence(begun, taken), if self.remote.is_some() => (lost, "the database does not answer"),
        };
        // Before the work is dropped, because its connection must not return to the pool.
        self.retirement.retire_before(lost.into_std());
        Err(silence(gave_up))
    }

    /// Returns when the database no longer answers, or when the connections were given up that were
    /// open when the work began: a ping over a new one may be answered soon after. Returns the time
    /// since when new connections are not concerned.
    async fn silence(&self, begun: Instant, taken: &Taken) -> Instant {
        loop {
            sleep(SUSPICION).await;
            let ping = self.last_ping().await;
            let unanswered = ping.outcome.is_err().then_some(ping.begun);
            let lost = self.lost.lock().filter(|lost| *lost >= begun).max(unanswered);
            if let Some(lost) = lost
                && taken.opened().is_none_or(|opened| opened <= lost)
            {
                return lost;
            }
        }
    }
}
