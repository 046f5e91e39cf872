//! The scan of release messages: what was committed since the last look, in any node. Delivers caches first, then positions, then
//! waiters; what cannot be delivered because the database went away is read again.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::split_watch_key;

use super::cache::{NamespaceKey, PATIENCE, away};
use super::gap::Gaps;
use super::hub::Wake;
use super::{BATCH, ReleaseFeed, notification};
use crate::error::Result;
use crate::store::{entity, message};

/// Pause after a scan that failed, beside the time that the failure took.
const RETRY: Duration = Duration::from_millis(100);
/// What one reading may take; a slow database is waited for, a dead one is not.
const STEP: Duration = Duration::from_secs(30);

/// Where the scan stands.
#[derive(Debug, Default)]
pub(super) struct Scan {
    last_id: i64,
    gaps: Gaps,
    /// When the last scan that succeeded began.
    began: Option<Instant>,
}

impl Scan {
    /// Whether the message with this id was delivered.
    fn covers(&self, id: i64) -> bool {
        id <= self.last_id && !self.gaps.is_missing(id)
    }
}

/// A message by the stored names of what it speaks of.
struct Moved<'a> {
    row: &'a entity::release_message::Model,
    key: NamespaceKey,
}

impl ReleaseFeed {
    /// Reads where every key stands, without waking anybody. Another node may just be committing what has a smaller id.
    pub(super) async fn load_positions(&self) -> Result<()> {
        let mut scan = self.0.scan.lock().await;
        loop {
            let batch = message::after(self.0.store.read(), scan.last_id, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            let last_id = std::mem::replace(&mut scan.last_id, last.id.0);
            scan.gaps.record(last_id, batch.iter().map(|row| row.id.0), Instant::now());
            for row in &batch {
                if let Some(key) = self.stored_key(&row.message) {
                    self.positions().advance(&key.watch_key(), row.id.0);
                }
            }
        }
    }

    /// Scans when signalled, and each second.
    pub(super) async fn scan_messages(self) {
        let mut is_failing = false;
        loop {
            let pause = self.0.config.number("apollo.message-scan.interval", 1000, 100..=i64::MAX);
            let pause = Duration::from_millis(pause.unsigned_abs());
            let _ = tokio::time::timeout(pause, self.0.signal.notified()).await;
            let mut scan = self.0.scan.lock().await;
            let done = self.scan_once(&mut scan).await;
            drop(scan);
            let was_failing = std::mem::replace(&mut is_failing, done.is_err());
            self.cache().set_database_away(is_failing);
            match done {
                Ok(()) if was_failing => {
                    tracing::info!("the database answers again; release messages are read")
                }
                Ok(()) => {}
                Err(error) => {
                    if !was_failing {
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
            if scan.covers(id) || scan.began.is_some_and(|began| began > asked) {
                return Ok(());
            }
            self.scan_once(&mut scan).await
        };
        tokio::time::timeout(PATIENCE, scan).await.unwrap_or_else(|_| Err(away()))
    }

    /// One scan: first the ids that were missing, then everything that is new.
    async fn scan_once(&self, scan: &mut Scan) -> Result<()> {
        let began = Instant::now();
        let wanted = scan.gaps.wanted();
        if !wanted.is_empty() {
            let late =
                in_time(async { Ok(message::by_ids(self.0.store.read(), &wanted).await?) }).await?;
            self.deliver(&late).await?;
            let appeared: Vec<_> = late.iter().map(|row| row.id.0).collect();
            scan.gaps.settle(&appeared, began);
        }
        loop {
            let after = message::after(self.0.store.read(), scan.last_id, BATCH);
            let batch = in_time(async { Ok(after.await?) }).await?;
            let Some(last) = batch.last() else { break };
            self.deliver(&batch).await?;
            scan.gaps.record(scan.last_id, batch.iter().map(|row| row.id.0), began);
            scan.last_id = last.id.0;
        }
        scan.began = Some(began);
        Ok(())
    }

    /// Caches, then positions, then waiters. After an error nothing was told, and the same messages may be delivered again.
    async fn deliver(&self, rows: &[entity::release_message::Model]) -> Result<()> {
        let mut moved = Vec::with_capacity(rows.len());
        for row in rows {
            match self.known_key(&row.message).await? {
                Some(key) => moved.push(Moved { row, key }),
                None => {
                    tracing::warn!(
                        message = row.message,
                        "a release message is not made of three names and is dropped"
                    );
                }
            }
        }
        let newest: BTreeMap<_, _> =
            moved.iter().map(|message| (message.key.watch_key(), message)).collect();
        for message in newest.values() {
            in_time(self.cache().reload(message.key.place(), message.row.id.0)).await?;
        }
        for (key, message) in &newest {
            self.positions().advance(key, message.row.id.0);
        }
        for message in &moved {
            self.wake(message).await;
        }
        Ok(())
    }

    /// As [`Self::stored_key`], after reading names that are not known yet: a client that is woken must find them.
    async fn known_key(&self, message: &str) -> Result<Option<NamespaceKey>> {
        let Some((app_id, _, namespace)) = split_watch_key(message) else { return Ok(None) };
        if self.names().app(app_id).is_none() || self.names().namespace(app_id, namespace).is_none()
        {
            in_time(self.add_names()).await?;
        }
        Ok(self.stored_key(message))
    }

    /// What a message speaks of, in stored spelling as far as it is known.
    fn stored_key(&self, message: &str) -> Option<NamespaceKey> {
        let (app_id, cluster, namespace) = split_watch_key(message)?;
        let names = self.names();
        let app = names.app(app_id);
        let app_id = app.as_deref().unwrap_or(app_id);
        let (stored_cluster, stored_name) =
            (names.cluster(app_id, cluster), names.namespace(app_id, namespace));
        let cluster = stored_cluster.as_deref().unwrap_or(cluster);
        Some(NamespaceKey::new(app_id, cluster, stored_name.as_deref().unwrap_or(namespace)))
    }

    async fn wake(&self, moved: &Moved<'_>) {
        let key = moved.key.watch_key();
        let (text, namespace, id) =
            (moved.row.message.as_str(), moved.key.namespace.as_str(), moved.row.id.0);
        if !self.hub().is_watched(&key) {
            return;
        }
        let Some(body) = notification(namespace, text, id) else { return };
        let wake = Wake { key: text.into(), namespace: namespace.into(), id, body };
        if let Some(crowd) = self.0.pacer.take(self.hub().crowd(&key, wake)) {
            crowd.tell().await;
        }
    }
}

/// A connection that died without a word would hold up the scan until the system notices.
async fn in_time<T>(query: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(STEP, query).await.unwrap_or_else(|_| Err(away()))
}
