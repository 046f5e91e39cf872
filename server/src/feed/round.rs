//! Numbers the reads of a scan, so that a caller can wait for a change that it has just committed:
//! a read that begins after the commit includes it. What is read is not known here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Longer than a read takes while the database is healthy. After it, the caller continues: its
/// commit is durable, and the scan each second finds it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The reads of one scan.
#[derive(Debug)]
pub(super) struct Rounds {
    begun: AtomicU64,
    /// Greatest number of a read that succeeded.
    done: watch::Sender<u64>,
}

impl Default for Rounds {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), done: watch::Sender::new(0) }
    }
}

impl Rounds {
    /// Numbers a read that begins now.
    pub(super) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Records that a read succeeded.
    pub(super) fn end(&self, round: u64) {
        self.done.send_if_modified(|done| {
            let is_newer = *done < round;
            *done = round.max(*done);
            is_newer
        });
    }

    /// Number of the reads that have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether a read has succeeded that began after so many others.
    pub(super) fn has_succeeded_after(&self, begun: u64) -> bool {
        *self.done.borrow() > begun
    }

    /// Requests a read and waits until one succeeds that began after this call. Returns whether
    /// that happened in time.
    pub(super) async fn next(&self, ask: impl FnOnce()) -> bool {
        let begun = self.begun();
        let mut done = self.done.subscribe();
        ask();
        let wait = done.wait_for(|done| *done > begun);
        tokio::time::timeout(PATIENCE, wait).await.is_ok_and(|waited| waited.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reading_that_began_before_is_not_enough() {
        let rounds = Rounds::default();
        let earlier = rounds.begin();
        assert!(!rounds.next(|| rounds.end(earlier)).await);
        let later = rounds.begin();
        assert!(!rounds.next(|| ()).await, "a reading that fails is never enough");
        assert!(rounds.next(|| rounds.end(rounds.begin())).await);
        rounds.end(later);
        assert!(!rounds.next(|| rounds.end(later)).await);
    }
}
