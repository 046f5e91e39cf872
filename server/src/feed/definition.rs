//! Keeps names and access keys equal to the database: reads changes each second or on a signal of
//! this process, and everything each minute; access keys also before a release message is
//! delivered. Two scans do so, because the table of one may be locked. An app becomes known after
//! its keys were read, and loses the last of them after names were read, so that a protected one is
//! open in no moment. After a failure, the last values remain in effect.

mod key;
mod name;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;

pub(super) use self::key::KeysRead;
use super::ReleaseFeed;
use super::cache::away;
use super::condition::FeedTask;
use super::round::Rounds;
use crate::disconnect::to_the_end;
use crate::error::Result;

/// Interval of the scans for new names and changed keys.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Interval of the complete reads, which also find rows that another program deleted without a time,
/// and deleted clusters.
const REBUILD_PAUSE: Duration = Duration::from_secs(60);
/// How far back a scan for changed keys and for earlier and deleted names reaches, and how far
/// ahead one for changed keys and for earlier names: stored times have whole seconds, and the clocks
/// of nodes differ. The complete read finds a change of a node whose clock differs more.
const OVERLAP: TimeDelta = TimeDelta::seconds(30);
/// Maximum time for which releases wait for a read of names or access keys. It may wait five seconds
/// for a lock on a table, while clients of all apps wait for their releases.
const RELEASES_WAIT: Duration = Duration::from_secs(1);

/// What one of the two scans reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum DefinitionKind {
    Names,
    Keys,
}

impl DefinitionKind {
    fn task(self) -> FeedTask {
        match self {
            Self::Names => FeedTask::Names,
            Self::Keys => FeedTask::Keys,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Keys => "access keys",
        }
    }
}

/// State of one of the two scans.
#[derive(Debug)]
pub(super) struct DefinitionScan {
    requested: Notify,
    /// Numbers the reads.
    reads: Rounds,
    /// Time up to which changes were read.
    read: parking_lot::Mutex<DateTime<Utc>>,
    /// Held during a read of access keys or deleted names, so that an older result never replaces a
    /// newer one, and during each read that releases wait for.
    turn: Arc<Mutex<()>>,
}

impl DefinitionScan {
    pub(super) fn new() -> Self {
        Self {
            requested: Notify::new(),
            reads: Rounds::default(),
            read: parking_lot::Mutex::new(castalia_store::now()),
            turn: Arc::default(),
        }
    }

    /// Requests a read. Returns a number for [`Self::has_answered`].
    pub(super) fn request(&self) -> u64 {
        let begun = self.reads.begun();
        self.requested.notify_one();
        begun
    }

    /// Whether a read has succeeded that began after this request.
    pub(super) fn has_answered(&self, request: u64) -> bool {
        self.reads.has_succeeded_after(request)
    }

    /// Requests a read and waits until one succeeds that began after this call. Returns whether
    /// that happened in time.
    pub(super) async fn next(&self) -> bool {
        let request = || {
            self.request();
        };
        self.reads.next(request).await
    }

    /// Runs a read that releases wait for, but not for long. It keeps its turn until it ends, because
    /// its query occupies a connection until then: one for each release would leave none.
    pub(super) async fn soon(
        &self,
        read: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<()> {
        let run = async {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            to_the_end(async move {
                let _turn = turn;
                read.await
            })
            .await
        };
        timeout(RELEASES_WAIT, run).await.unwrap_or_else(|_| Err(away()))
    }

    /// The time up to which changes were read; earlier if the clock went back since.
    fn last_read(&self) -> DateTime<Utc> {
        castalia_store::now().min(*self.read.lock())
    }
}

/// A time on both clocks of this machine. The wall clock may jump, so changes are requested from
/// the earlier of the two.
struct Moment {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl Moment {
    fn now() -> Self {
        Self { wall: castalia_store::now(), steady: Instant::now() }
    }

    /// The present time according to each clock; returns the earlier one.
    fn present(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.steady.elapsed()).unwrap_or_default();
        castalia_store::now().min(self.wall + passed)
    }
}

impl ReleaseFeed {
    pub(super) async fn scan_definitions(self, kind: DefinitionKind) {
        let scan = self.definition_scan(kind);
        let mut rebuilt = Moment::now();
        loop {
            self.0.condition.begins(kind.task(), SCAN_PAUSE);
            let _ = timeout(SCAN_PAUSE, scan.requested.notified()).await;
            let is_due = rebuilt.steady.elapsed() >= REBUILD_PAUSE || !self.were_read(kind);
            match self.read_and_report(kind, is_due, rebuilt.present()).await {
                Ok(()) if is_due => rebuilt = Moment::now(),
                // The complete read is repeated, but changes need not wait for it.
                Err(_) if is_due && self.were_read(kind) => {
                    let _ = self.read(kind, false, scan.last_read()).await;
                }
                _ => {}
            }
        }
    }

    fn definition_scan(&self, kind: DefinitionKind) -> &DefinitionScan {
        match kind {
            DefinitionKind::Names => &self.0.names_scan,
            DefinitionKind::Keys => &self.0.keys_scan,
        }
    }

    /// Whether they were ever read.
    fn were_read(&self, kind: DefinitionKind) -> bool {
        match kind {
            DefinitionKind::Names => self.names().is_loaded(),
            DefinitionKind::Keys => self.keys().is_loaded(),
        }
    }

    /// Reads everything. Keys are read even if names cannot be.
    pub(super) async fn rebuild_definitions(&self) -> Result<()> {
        let read = |kind| self.read_and_report(kind, true, castalia_store::now());
        let (names, keys) = join(read(DefinitionKind::Names), read(DefinitionKind::Keys)).await;
        names.and(keys)
    }

    /// A numbered read, which begins at this time.
    async fn read_and_report(
        &self,
        kind: DefinitionKind,
        is_complete: bool,
        present: DateTime<Utc>,
    ) -> Result<()> {
        let scan = self.definition_scan(kind);
        let round = scan.reads.begin();
        let done = self.read(kind, is_complete, scan.last_read()).await;
        self.report_read(kind, &done);
        if done.is_ok() {
            *scan.read.lock() = present;
            match (kind, self.keys().is_ending_any()) {
                // The change is in effect after another read of keys, which that of names requests.
                (DefinitionKind::Keys, true) => {}
                (DefinitionKind::Names, true) => {
                    scan.reads.end(round);
                    self.0.keys_scan.request();
                }
                (_, false) => scan.reads.end(round),
            }
        }
        done
    }

    /// Reads everything, or what changed since a time.
    async fn read(
        &self,
        kind: DefinitionKind,
        is_complete: bool,
        since: DateTime<Utc>,
    ) -> Result<()> {
        let turn = self.definition_scan(kind).turn.lock().await;
        match kind {
            DefinitionKind::Keys if is_complete => self.rebuild_keys().await,
            DefinitionKind::Keys => self.read_changed_keys(since).await,
            DefinitionKind::Names => {
                // Also before a complete read: a definition that was restored since the last one is
                // not a deleted one any more.
                self.forget_names(since).await?;
                // Releases need not wait for the rest.
                drop(turn);
                if is_complete {
                    return self.rebuild_names().await;
                }
                self.add_names().await?;
                self.add_earlier_names(since - OVERLAP).await
            }
        }
    }

    /// Logs the first failure and the first success after it.
    fn report_read(&self, kind: DefinitionKind, done: &Result<()>) {
        let is_news = self.0.condition.ended(kind.task(), done.is_err());
        let (what, effect) = (kind.name(), kind.task().effect());
        match done {
            Err(error) if is_news && self.were_read(kind) => {
                tracing::warn!(%error, "{what} cannot be read; those last read remain in effect{effect}");
            }
            Err(error) if is_news => {
                tracing::error!(%error, "{what} cannot be read; clients are refused until they can be read");
            }
            Ok(()) if is_news => tracing::info!("{what} can be read again"),
            _ => {}
        }
    }
}
