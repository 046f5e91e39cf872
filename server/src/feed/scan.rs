//! The scan of release messages: what was committed since the last look, in any node. What cannot be delivered because the
//! database went away is read again. Notices ids that went back, which no look at greater ids alone would.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use super::cache::{PATIENCE, away};
use super::gap::Gaps;
use super::{BATCH, ReleaseFeed};
use crate::error::Result;
use crate::server_config::keys;
use crate::store::feed::{self as stored, Message};
use crate::store::{Id, message};

/// Pause after a scan that failed, beside the time that the failure took.
const RETRY: Duration = Duration::from_millis(100);
/// What one reading may take; a slow database is waited for, a dead one is not.
const STEP: Duration = Duration::from_secs(30);
/// Rows that are read at once where all are read.
const BIG_BATCH: u64 = 5_000;
/// Ids before the last one whose gaps are of interest at the start: older ones are messages that were thinned out.
const RECENT: i64 = 10_000;

/// Where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) last_id: i64,
    /// Text of the message with that id; another one there means that ids are used a second time.
    last_text: Option<String>,
    gaps: Gaps,
    /// When the last scan that succeeded began.
    began: Option<Instant>,
}

/// Everything that the table of messages holds.
pub(super) struct Census {
    /// Newest id by watch key, in stored spelling.
    pub(super) positions: HashMap<String, i64>,
    /// Where a scan goes on from here.
    scan: Scan,
}

impl Scan {
    /// Whether the message with this id was read.
    fn covers(&self, id: i64) -> bool {
        id <= self.last_id && !self.gaps.is_missing(id)
    }

    /// Takes over rows that follow the last one.
    fn advance(&mut self, rows: &[Message], last: Option<Id>, now: Instant) {
        let Some(Id(last_id)) = last else { return };
        // A row that cannot be decoded was seen, too.
        let unread = Some(last_id).filter(|id| rows.last().is_none_or(|row| row.0.0 < *id));
        self.gaps.record(self.last_id, rows.iter().map(|row| row.0.0).chain(unread), now);
        self.last_id = last_id;
        self.last_text = rows.last().filter(|_| unread.is_none()).map(|(_, text)| text.clone());
    }
}

impl ReleaseFeed {
    /// Reads where every key stands, without waking anybody. Another node may just be committing what has a smaller id.
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

    /// Scans when signalled, and each second.
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
                    tracing::info!("the database answers again; release messages are read");
                }
                Ok(()) => {}
                Err(error) => {
                    if is_news {
                        tracing::warn!(%error, "cannot read release messages; clients keep what they have");
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Makes sure that what is in memory is not older than a message that another node told a client of.
    pub(super) async fn catch_up(&self, id: i64) -> Result<()> {
        let asked = Instant::now();
        let scan = async {
            let mut scan = self.0.scan.lock().await;
            if !scan.covers(id) && scan.began.is_none_or(|began| began <= asked) {
                self.scan_once(&mut scan, Look::For(id)).await?;
            }
            drop(scan);
            match self.0.deferred.message(id) {
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

    /// One scan: first the ids that were missing, then everything that is new.
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

    /// What has a greater id. The row of the last id is read, too: nothing there and nothing behind it, or another text there, means
    /// that the ids went back.
    async fn scan_new(&self, scan: &mut Scan, began: Instant) -> Result<()> {
        loop {
            let rows =
                stored::messages_between(self.0.store.read(), scan.last_id, i64::MAX, BATCH + 1);
            let rows = in_time(async { Ok(rows.await?) }).await?;
            if self.has_gone_back(scan, &rows) {
                return self.rewind(scan).await;
            }
            let mut new = rows.readable;
            new.retain(|(id, _)| id.0 > scan.last_id);
            self.deliver(&new).await?;
            scan.advance(&new, rows.last_id.filter(|id| id.0 > scan.last_id), began);
            if rows.count as u64 <= BATCH {
                return Ok(());
            }
        }
    }

    fn has_gone_back(&self, scan: &Scan, rows: &stored::Rows<Message>) -> bool {
        if rows.count == 0 {
            return scan.last_id > 0;
        }
        let anchor = rows.readable.first().filter(|(id, _)| id.0 == scan.last_id);
        anchor.zip(scan.last_text.as_ref()).is_some_and(|((_, text), known)| text != known)
    }

    /// Starts again from what the database holds now: it was restored, or failed over to a replica that had not received everything.
    /// The releases in memory are read anew in the background, so that new messages need not wait for that.
    async fn rewind(&self, scan: &mut Scan) -> Result<()> {
        let newest = message::max_id(self.0.store.read());
        let newest = in_time(async { Ok(newest.await?) }).await?;
        metrics::counter!("castalia_message_rewinds_total").increment(1);
        tracing::error!(
            from = scan.last_id,
            to = newest.0,
            "the ids of release messages went back: the database was restored, or failed over to a replica that was behind; \
             publishes that were acknowledged before may be lost; all releases are read anew"
        );
        self.0.condition.rewound(scan.last_id, newest.0);
        let census = self.census().await?;
        let moved = self.positions().replace(&census.positions);
        *scan = census.scan;
        // What was deferred may be lost, and everything is read anew in any case.
        self.0.deferred.clear();
        self.request_reload(moved);
        Ok(())
    }
}

/// Which of the missing ids a scan looks for.
#[derive(Clone, Copy)]
enum Look {
    /// Those whose turn it is.
    Usual,
    /// This one as well.
    For(i64),
    /// All of them.
    Everywhere,
}

/// A connection that died without a word would hold up the scan until the system notices.
pub(super) async fn in_time<T>(query: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(STEP, query).await.unwrap_or_else(|_| Err(away()))
}
