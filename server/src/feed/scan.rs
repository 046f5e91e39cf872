//! The scan of release messages: reads what was committed on any node since the last scan. Messages
//! that could not be delivered because the database became unreachable are read again. Also detects
//! ids that went back, which a query for greater ids alone would not.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::watch_key;
use castalia_store::feed::{self as stored, Message};
use castalia_store::{Id, message};

use super::cache::{NamespaceRef, PATIENCE, away};
use super::gap::Gaps;
use super::{BATCH, ReleaseFeed};
use crate::error::Result;
use crate::server_config::keys;

/// Pause after a failed scan, in addition to the time that the failure took.
const RETRY: Duration = Duration::from_millis(100);
/// Maximum duration of one read. It tolerates a slow database, but not a dead one.
const STEP: Duration = Duration::from_secs(30);
/// Rows per statement when all messages are read.
const BIG_BATCH: u64 = 5_000;
/// Range of ids before the last one whose gaps are recorded at the start: older gaps are messages
/// that were deleted as obsolete.
const RECENT: i64 = 10_000;

/// Progress of the scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) last_id: i64,
    /// Text of the message with that id; a different text there means that ids are used a second
    /// time.
    last_text: Option<String>,
    gaps: Gaps,
    /// Messages with greater ids that this node committed and delivered. The next scan compares them
    /// with what it reads.
    delivered: BTreeMap<i64, String>,
    /// Start of the last scan that succeeded.
    began: Option<Instant>,
}

/// The content of the table of messages.
pub(super) struct Census {
    /// Newest id by watch key, in stored spelling.
    pub(super) positions: HashMap<String, i64>,
    /// The state from which a scan continues.
    scan: Scan,
}

impl Scan {
    /// Whether the message with this id was read.
    fn covers(&self, id: i64) -> bool {
        id <= self.last_id && !self.gaps.is_missing(id) || self.delivered.contains_key(&id)
    }

    /// Greatest id that was read or delivered.
    fn newest(&self) -> i64 {
        self.delivered.keys().next_back().map_or(self.last_id, |id| *id)
    }

    /// Records rows that follow the last one.
    fn advance(&mut self, rows: &[Message], last: Option<Id>, now: Instant) {
        let Some(Id(last_id)) = last else { return };
        // A row that cannot be decoded has also been read.
        let unread = Some(last_id).filter(|id| rows.last().is_none_or(|row| row.0.0 < *id));
        self.gaps.record(self.last_id, rows.iter().map(|row| row.0.0).chain(unread), now);
        self.last_id = last_id;
        self.last_text = rows.last().filter(|_| unread.is_none()).map(|(_, text)| text.clone());
        self.delivered = self.delivered.split_off(&last_id.saturating_add(1));
    }

    /// Whether these rows, which begin with the last id, contradict what was read or delivered: the
    /// last one is gone, or its id has another text.
    fn is_contradicted_by(&self, rows: &stored::Rows<Message>) -> bool {
        if rows.count == 0 {
            return self.newest() > 0;
        }
        let is_complete = rows.count as u64 <= BATCH;
        let read = rows.last_id.unwrap_or_default().0;
        let differs = |(Id(id), text): &Message| {
            let known = if *id == self.last_id { &self.last_text } else { &None };
            known.as_ref().or_else(|| self.delivered.get(id)).is_some_and(|known| known != text)
        };
        is_complete && read < self.newest() || rows.readable.iter().any(differs)
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
            for (id, text) in &rows.readable {
                if let Some(key) = self.stored_key(text) {
                    positions.insert(key.watch_key(), id.0);
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

    /// Delivers a message that was committed after `begun`, unless there may be others before it.
    /// Returns whether it is delivered, or deferred.
    pub(super) async fn deliver_next(&self, message: Message, begun: Instant) -> bool {
        let mut scan = self.0.scan.lock().await;
        let (Id(id), text) = message;
        let next = scan.newest().saturating_add(1);
        if id > next || scan.delivered.len() as u64 >= BATCH {
            return false;
        }
        // Without such a scan, the id was used before: what was read then is not this message.
        if id < next && scan.covers(id) && scan.began.is_some_and(|began| began >= begun) {
            return true;
        }
        let rows = [(Id(id), text.clone())];
        if self.deliver(&rows).await.is_err() {
            return false;
        }
        if id == next {
            scan.delivered.insert(id, text);
        }
        scan.gaps.fill(id);
        true
    }

    /// Scans on a signal, and at least once per interval.
    pub(super) async fn scan_messages(self) {
        loop {
            let pause = self.0.config.get(&keys::SCAN_INTERVAL);
            let _ = tokio::time::timeout(pause, self.0.signal.notified()).await;
            let mut scan = self.0.scan.lock().await;
            let done = self.scan_once(&mut scan, Look::Usual).await;
            drop(scan);
            self.cache().set_database_away(done.is_err());
            let is_news = self.0.condition.scanned(done.is_err());
            match done {
                Ok(()) if is_news => {
                    tracing::info!("the database answers again; reading release messages");
                }
                Ok(()) => {}
                Err(error) => {
                    if is_news {
                        tracing::warn!(%error, "cannot read release messages; clients keep their values until the database answers");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Ensures that memory is not older than a message of which another node notified a client.
    pub(super) async fn catch_up(&self, place: NamespaceRef<'_>, id: i64) -> Result<()> {
        let asked = Instant::now();
        let scan = async {
            let mut scan = self.0.scan.lock().await;
            if !scan.covers(id) && scan.began.is_none_or(|began| began <= asked) {
                self.scan_once(&mut scan, Look::For(id)).await?;
            }
            drop(scan);
            let key = watch_key(place.app_id, place.cluster, place.namespace);
            match self.0.deferred.message(&key, id) {
                Some(message) => self.retry(message).await,
                None => Ok(()),
            }
        };
        tokio::time::timeout(PATIENCE, scan).await.unwrap_or_else(|_| Err(away()))
    }

    /// Delivers every message that was committed before this call. Returns the newest id.
    pub(super) async fn scan_all(&self) -> Result<i64> {
        let mut scan = self.0.scan.lock().await;
        self.scan_once(&mut scan, Look::Everywhere).await?;
        Ok(scan.last_id)
    }

    /// One scan: first the missing ids, then all new ones.
    async fn scan_once(&self, scan: &mut Scan, look: Look) -> Result<()> {
        let began = Instant::now();
        let round = self.0.scans.begin();
        let spans = match look {
            Look::Usual => scan.gaps.due(None, began),
            Look::For(id) => scan.gaps.due(Some(id), began),
            Look::Everywhere => scan.gaps.all(began),
        };
        for span in spans {
            self.fill_gaps(scan, span).await?;
        }
        scan.gaps.expire(self.0.config.get(&keys::GAP_PATIENCE), began);
        self.scan_new(scan, began).await?;
        scan.began = Some(began);
        self.0.scans.end(round);
        Ok(())
    }

    async fn fill_gaps(&self, scan: &mut Scan, (first, last): (i64, i64)) -> Result<()> {
        let mut next = first;
        loop {
            let rows = stored::messages_between(self.0.store.read(), next, last, BATCH);
            let rows = in_time(async { Ok(rows.await?) }).await?;
            let mut late = rows.readable;
            late.retain(|(id, _)| scan.gaps.is_missing(id.0));
            self.deliver(&late).await?;
            late.iter().for_each(|(id, _)| scan.gaps.fill(id.0));
            match rows.last_id {
                Some(id) if rows.count as u64 == BATCH && id.0 < last => next = id.0 + 1,
                _ => return Ok(()),
            }
        }
    }

    /// Reads greater ids. The row with the last id is read again as well: if neither it nor a later
    /// row exists, or if it has another text, the ids went back.
    async fn scan_new(&self, scan: &mut Scan, began: Instant) -> Result<()> {
        loop {
            // One more, for the row with the last id.
            let rows =
                stored::messages_between(self.0.store.read(), scan.last_id, i64::MAX, BATCH + 1);
            let rows = in_time(async { Ok(rows.await?) }).await?;
            if scan.is_contradicted_by(&rows) {
                return self.rewind(scan).await;
            }
            let mut read = rows.readable;
            read.retain(|(id, _)| id.0 > scan.last_id);
            let is_new = |(id, _): &&Message| !scan.delivered.contains_key(&id.0);
            self.deliver(&read.iter().filter(is_new).cloned().collect::<Vec<_>>()).await?;
            scan.advance(&read, rows.last_id.filter(|id| id.0 > scan.last_id), began);
            if rows.count as u64 <= BATCH {
                return Ok(());
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
            from = scan.newest(),
            to = newest.0,
            "the ids of release messages decreased: the database was restored, or failed over to a lagging replica; \
             acknowledged publishes may be lost; reloading all releases"
        );
        self.0.condition.rewound(scan.newest(), newest.0);
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
    /// Those that are due.
    Usual,
    /// Those that are due, and this one.
    For(i64),
    /// All of them.
    Everywhere,
}

/// A connection that died silently would otherwise block the scan until the operating system
/// notices.
pub(super) async fn in_time<T>(query: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(STEP, query).await.unwrap_or_else(|_| Err(away()))
}
