//! The scan of release messages: reads what was committed on any node since the last scan. Messages
//! that could not be delivered because the database became unreachable are read again. Also detects
//! ids that went back, which a query for greater ids alone would not.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use castalia_store::feed::{self as stored, Appended, Message};
use castalia_store::{Dialect, Id, message};
use futures_util::future::join;

use super::cache::{NamespaceRef, PATIENCE, away};
use super::condition::FeedTask;
use super::gap::{DueIds, Gaps};
use super::position::PositionKey;
use super::{BATCH, ReleaseFeed};
use crate::error::Result;
use crate::server_config::keys;

/// Maximum pause before a failed scan is repeated: until one succeeds, namespaces that are not in
/// memory are refused.
const RETRY: Duration = Duration::from_secs(1);
/// Minimum pause, also if signals arrive meanwhile.
const SHORTEST_RETRY: Duration = Duration::from_millis(100);
/// Maximum duration of one read. It tolerates a slow database, but not a dead one.
pub(super) const STEP: Duration = Duration::from_secs(30);
/// Rows per statement when all messages are read.
const BIG_BATCH: u64 = 5_000;
/// Range of ids before the last one whose gaps are recorded at the start: older gaps are messages
/// that were deleted as obsolete.
const RECENT: i64 = 10_000;
/// Texts whose newest messages are remembered: more than a database that fails over loses with its
/// last messages, unless it lags far behind.
const TEXTS: usize = 10;

/// Progress of the scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) last_id: i64,
    /// The message with that id; a different one there means that ids are used a second time.
    last: Option<Message>,
    /// The newest message of each of the texts that were read last, in the order of the reads, which
    /// is not that of ids: a missing one may be found late.
    newest: Vec<Message>,
    gaps: Gaps,
    /// Start of the last scan that succeeded.
    began: Option<Instant>,
}

/// The content of the table of messages.
pub(super) struct Census {
    /// Newest id by watch key, in stored spelling.
    pub(super) positions: HashMap<PositionKey, i64>,
    /// The state from which a scan continues.
    scan: Scan,
}

impl Scan {
    /// Whether the message with this id was read.
    fn covers(&self, id: i64) -> bool {
        id <= self.last_id && !self.gaps.is_missing(id)
    }

    /// Records rows that follow the last one.
    fn advance(&mut self, rows: &[Message], last: Option<Id>, now: Instant) {
        let Some(Id(last_id)) = last else { return };
        // A row that cannot be decoded has also been read.
        let unread = Some(last_id).filter(|id| rows.last().is_none_or(|row| row.id.0 < *id));
        self.gaps.record(self.last_id, rows.iter().map(|row| row.id.0).chain(unread), now);
        self.last_id = last_id;
        self.last = rows.last().filter(|_| unread.is_none()).cloned();
        rows.iter().for_each(|row| self.remember(row));
    }

    /// Remembers a message as the newest of its text, unless a newer one is known.
    fn remember(&mut self, message: &Message) {
        if let Some(at) = self.newest.iter().position(|known| known.text == message.text) {
            if self.newest[at].id > message.id {
                return;
            }
            self.newest.remove(at);
        }
        self.newest.push(message.clone());
        if self.newest.len() > TEXTS {
            self.newest.remove(0);
        }
    }
}

impl ReleaseFeed {
    /// Reads the position of every key without waking any poll. Another node may at this moment
    /// commit a message with a smaller id.
    pub(super) async fn load_positions(&self) -> Result<()> {
        let mut scan = self.0.scan.lock().await;
        let census = self.census().await?;
        self.positions().replace(&census.positions);
        *scan = census.scan;
        Ok(())
    }

    /// Reads all release messages.
    pub(super) async fn census(&self) -> Result<Census> {
        let (mut positions, mut scan) = (HashMap::new(), Scan::default());
        loop {
            let next = scan.last_id.saturating_add(1);
            let rows = stored::messages_between(self.0.store.read(), next, i64::MAX, BIG_BATCH);
            let rows = in_time(async { Ok(rows.await?) }).await?;
            if rows.count == 0 {
                break;
            }
            for Message { id, text, .. } in &rows.readable {
                if let Some(key) = self.stored_key(text) {
                    positions.insert(PositionKey::new(&key.watch_key()), id.0);
                }
            }
            scan.advance(&rows.readable, rows.last_id, Instant::now());
            if scan.last_id == i64::MAX {
                break;
            }
        }
        scan.gaps.forget_below(scan.last_id.saturating_sub(RECENT));
        Ok(Census { positions, scan })
    }

    /// Scans on a signal, and at least once per interval.
    pub(super) async fn scan_messages(self) {
        // Also of a scan before a panic.
        let mut is_failing = self.cache().is_database_away();
        loop {
            let interval = self.0.config.get(&keys::SCAN_INTERVAL);
            let pause = if is_failing { interval.min(RETRY) } else { interval };
            self.0.condition.begins(FeedTask::Scan, pause);
            let _ = tokio::time::timeout(pause, self.0.signal.notified()).await;
            let mut scan = self.0.scan.lock().await;
            let done = self.scan_once(&mut scan, Look::Usual).await;
            drop(scan);
            is_failing = done.is_err();
            self.cache().set_database_away(is_failing);
            let is_news = self.0.condition.ended(FeedTask::Scan, is_failing);
            match done {
                Ok(()) if is_news => {
                    tracing::info!("the database answers again; reading release messages");
                }
                Ok(()) => {}
                Err(error) => {
                    if is_news {
                        tracing::warn!(%error, "cannot read release messages; clients keep their values until the database answers");
                    }
                    tokio::time::sleep(SHORTEST_RETRY).await;
                }
            }
        }
    }

    /// Ensures that memory is not older than a message of which another node notified a client.
    pub(super) async fn catch_up(&self, place: NamespaceRef<'_>, id: i64) -> Result<()> {
        let waiting = self.0.awaited.wait_for(id);
        let scan = async {
            let mut scan = self.0.scan.lock().await;
            if !scan.covers(id) && scan.began.is_none_or(|began| began <= waiting.since) {
                self.scan_once(&mut scan, Look::Usual).await?;
            }
            drop(scan);
            // A message may have another spelling of a namespace without a definition than the
            // client.
            let (names, key) = (self.names(), self.names().waiting_key(&place.watch_key()));
            let is_same =
                |other: &str| other.eq_ignore_ascii_case(&key) && names.waiting_key(other) == key;
            for (stored, id, text) in self.0.deferred.messages_since(id, is_same) {
                self.retry(&stored, id, &text).await?;
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, scan).await.unwrap_or_else(|_| Err(away()))
    }

    /// Delivers every message that was committed before this call. Returns the newest id.
    pub(super) async fn scan_all(&self) -> Result<i64> {
        let mut scan = self.0.scan.lock().await;
        self.scan_once(&mut scan, Look::Everywhere).await?;
        Ok(scan.last_id)
    }

    /// Delivers a message that a scan would now read after the last one and nothing else; returns
    /// whether that is so. The row with the last id must be the one that was read, as in a
    /// scan.
    pub(super) async fn deliver_next(&self, appended: Appended) -> bool {
        let Ok(mut scan) = self.0.scan.try_lock() else { return false };
        let Appended { before, message } = appended;
        if scan.last_id != before.id.0 || scan.last.as_ref() != Some(&before) {
            return false;
        }
        let (rows, began) = ([message], Instant::now());
        let delivered = match self.0.store.dialect() {
            // This process alone changes the file, and reads its changes of names and access keys
            // before it answers them.
            Dialect::Sqlite => self.deliver(&rows).await,
            Dialect::MySql | Dialect::Postgres => self.deliver_read(&rows).await,
        };
        if delivered.is_err() {
            return false;
        }
        scan.advance(&rows, Some(rows[0].id), began);
        true
    }

    /// One scan: first the missing ids, then all new ones.
    async fn scan_once(&self, scan: &mut Scan, look: Look) -> Result<()> {
        let (began, awaited) = self.0.awaited.begin_scan();
        let round = self.0.scans.begin();
        let due = match look {
            Look::Usual => scan.gaps.due(&awaited, began),
            Look::Everywhere => scan.gaps.all(began),
        };
        self.fill_gaps(scan, due).await?;
        scan.gaps.expire(self.0.config.get(&keys::GAP_PATIENCE), began);
        self.scan_new(scan, began).await?;
        scan.began = Some(began);
        self.0.scans.end(round);
        Ok(())
    }

    async fn fill_gaps(&self, scan: &mut Scan, due: DueIds) -> Result<()> {
        for ids in due.single.chunks(BATCH as usize) {
            let ids: Vec<_> = ids.iter().copied().map(Id).collect();
            let found = stored::messages_with_ids(self.0.store.read(), &ids);
            let found = in_time(async { Ok(found.await?) }).await?;
            self.deliver_late(scan, found).await?;
        }
        for (first, last) in due.ranges {
            let mut next = Some(first);
            while let Some(first) = next {
                let rows = stored::messages_between(self.0.store.read(), first, last, BATCH);
                let rows = in_time(async { Ok(rows.await?) }).await?;
                let is_last = (rows.count as u64) < BATCH;
                next = rows.last_id.filter(|id| !is_last && id.0 < last).map(|id| id.0 + 1);
                self.deliver_late(scan, rows.readable).await?;
            }
        }
        Ok(())
    }

    /// Delivers those of the messages that were missing.
    async fn deliver_late(&self, scan: &mut Scan, mut late: Vec<Message>) -> Result<()> {
        late.retain(|message| scan.gaps.is_missing(message.id.0));
        self.deliver_read(&late).await?;
        for message in &late {
            scan.gaps.fill(message.id.0);
            scan.remember(message);
        }
        Ok(())
    }

    /// Reads greater ids. The row with the last id is read again as well, to notice that the ids
    /// went back.
    async fn scan_new(&self, scan: &mut Scan, began: Instant) -> Result<()> {
        loop {
            // One more, for the row with the last id.
            let rows =
                stored::messages_between(self.0.store.read(), scan.last_id, i64::MAX, BATCH + 1);
            let rows = in_time(async { Ok(rows.await?) }).await?;
            if self.has_gone_back(scan, &rows).await? {
                return self.rewind(scan).await;
            }
            let mut new = rows.readable;
            new.retain(|message| message.id.0 > scan.last_id);
            self.deliver_read(&new).await?;
            scan.advance(&new, rows.last_id.filter(|id| id.0 > scan.last_id), began);
            if rows.count as u64 <= BATCH {
                return Ok(());
            }
        }
    }

    /// Delivers messages, of which some may be about namespaces whose definition was deleted, or
    /// that an access key protects since.
    async fn deliver_read(&self, messages: &[Message]) -> Result<()> {
        if !messages.is_empty() {
            let (names, keys) = join(self.forget_deleted_names(), self.read_keys()).await;
            names.and(keys)?;
        }
        self.deliver(messages).await
    }

    /// Whether the ids went back: the row with the last id is another message, or it is missing,
    /// and it or an earlier one was lost. Of several lost messages, the last one alone may look
    /// obsolete, because another node published its namespace again.
    async fn has_gone_back(&self, scan: &Scan, rows: &stored::Rows<Message>) -> Result<bool> {
        if rows.count == 0 {
            return Ok(scan.last_id > 0);
        }
        let Some(known) = &scan.last else { return Ok(false) };
        match rows.readable.first() {
            Some(stored) if stored.id.0 == scan.last_id => Ok(stored != known),
            _ => {
                let are_kept = stored::are_stored_or_replaced(self.0.store.read(), &scan.newest);
                Ok(!in_time(async { Ok(are_kept.await?) }).await?)
            }
        }
    }

    /// Restarts from the content of the database, which was restored, or failed over to a replica
    /// that had not received everything. The releases in memory are read again in the background,
    /// so that new messages need not wait for that.
    async fn rewind(&self, scan: &mut Scan) -> Result<()> {
        let newest = message::max_id(self.0.store.read());
        let newest = in_time(async { Ok(newest.await?) }).await?;
        metrics::counter!("castalia_message_rewinds_total").increment(1);
        tracing::error!(
            from = scan.last_id,
            to = newest.0,
            "the ids of release messages decreased: the database was restored, or failed over to a lagging replica; \
             acknowledged publishes may be lost; reloading all releases"
        );
        self.0.condition.rewound(scan.last_id, newest.0);
        let census = self.census().await?;
        let moved = self.positions().replace(&census.positions);
        *scan = census.scan;
        // Deferred messages may no longer exist, and everything is read again in any case.
        self.0.deferred.clear();
        self.request_reload(moved);
        Ok(())
    }
}

/// The missing ids that a scan queries.
#[derive(Clone, Copy)]
enum Look {
    /// Those that are due, and those that clients wait for.
    Usual,
    /// All of them.
    Everywhere,
}

/// A connection that died silently would otherwise block the scan until the operating system
/// notices.
pub(super) async fn in_time<T>(query: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(STEP, query).await.unwrap_or_else(|_| Err(away()))
}

#[cfg(test)]
mod tests;
