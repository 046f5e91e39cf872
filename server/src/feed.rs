//! The release feed: reads release messages, keeps everything in memory that clients ask for, and wakes parked polls.
//!
//! Publishers signal it after their commit and one scan answers all signals that are pending; a scan each second is the guarantee.
//! Caches are updated before waiters are woken, because a client that is woken asks at once.

pub mod access_key;
pub mod answer;
pub mod cache;
pub mod gap;
pub mod hub;
pub mod name;
pub mod position;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use castalia_core::protocol::namespace::split_watch_key;
use castalia_core::protocol::wire::{Notification, NotificationMessages};
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, Notify};

use self::access_key::AccessKeys;
use self::answer::Answers;
use self::cache::{NamespaceKey, ReleaseCache};
use self::gap::Gaps;
use self::hub::{Wake, WatchHub};
use self::name::{AppNamespace, NamespaceNames};
use self::position::Positions;
use crate::background::Background;
use crate::error::Result;
use crate::server_config::ServerConfig;
use crate::store::{Store, access_key as stored_key, entity, message, namespace};

/// Messages that are read at once.
const BATCH: u64 = 500;
/// Pause between two looks for new namespaces and changed keys.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two complete readings of them, which also find what was deleted.
const REBUILD_PAUSE: Duration = Duration::from_secs(60);
/// How far back a look for changed keys reaches: stored times have whole seconds, and clocks differ a little.
const KEY_OVERLAP: chrono::TimeDelta = chrono::TimeDelta::seconds(2);

/// Everything in memory that the config role answers from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReleaseFeed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    config: ServerConfig,
    cache: ReleaseCache,
    answers: Answers,
    hub: WatchHub,
    names: NamespaceNames,
    keys: AccessKeys,
    positions: Arc<Positions>,
    signal: Notify,
    redefined: Notify,
    scan: Mutex<Scan>,
}

/// Where the scan of release messages stands.
#[derive(Debug, Default)]
struct Scan {
    last_id: i64,
    gaps: Gaps,
}

impl ReleaseFeed {
    /// Reads what must be known before the first request is served.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn load(store: Store, config: ServerConfig) -> Result<Self> {
        let positions = Arc::new(Positions::default());
        let feed = Self(Arc::new(Inner {
            cache: ReleaseCache::new(store.clone(), Arc::clone(&positions)),
            answers: Answers::default(),
            hub: WatchHub::default(),
            names: NamespaceNames::default(),
            keys: AccessKeys::default(),
            positions,
            signal: Notify::new(),
            redefined: Notify::new(),
            scan: Mutex::default(),
            store,
            config,
        }));
        feed.load_positions().await?;
        feed.rebuild_definitions().await?;
        Ok(feed)
    }

    /// Starts the scans and the clock of the hub.
    pub fn run(&self, background: &Background) {
        let feed = self.clone();
        background.spawn("release message scan", move || feed.clone().scan_messages());
        let feed = self.clone();
        background.spawn("definition scan", move || feed.clone().scan_definitions());
        let hub = self.hub().clone();
        background.repeat("hub clock", Duration::from_secs(1), move || {
            let hub = hub.clone();
            async move { hub.tick() }
        });
    }

    /// Says that a release message was committed in this process, or that another node says so. Carries nothing: losing or
    /// forging one does no harm.
    pub fn signal(&self) {
        self.0.signal.notify_one();
    }

    /// Says that a namespace or an access key was committed in this process.
    pub fn signal_definitions(&self) {
        self.0.redefined.notify_one();
    }

    /// Releases and gray rules.
    #[must_use]
    pub fn cache(&self) -> &ReleaseCache {
        &self.0.cache
    }

    /// Bodies that were serialised before.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Parked polls.
    #[must_use]
    pub fn hub(&self) -> &WatchHub {
        &self.0.hub
    }

    /// Stored spellings of namespaces.
    #[must_use]
    pub fn names(&self) -> &NamespaceNames {
        &self.0.names
    }

    /// Access keys.
    #[must_use]
    pub fn keys(&self) -> &AccessKeys {
        &self.0.keys
    }

    /// Newest release message of each watch key.
    #[must_use]
    pub fn positions(&self) -> &Positions {
        &self.0.positions
    }

    async fn load_positions(&self) -> Result<()> {
        let mut scan = self.0.scan.lock().await;
        loop {
            let batch = message::after(self.0.store.read(), scan.last_id, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            scan.last_id = last.id.0;
            for row in &batch {
                self.0.positions.advance(&row.message, row.id.0);
            }
        }
    }

    async fn scan_messages(self) {
        let mut failing = false;
        loop {
            let pause = self.0.config.number("apollo.message-scan.interval", 1000, 100..=i64::MAX);
            let pause = Duration::from_millis(pause.unsigned_abs());
            let _ = tokio::time::timeout(pause, self.0.signal.notified()).await;
            match self.scan_once().await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the database answers again; release messages are read");
                }
                Ok(()) => {}
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "cannot read release messages; clients keep what they have");
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// One scan: first the ids that were missing, then everything that is new.
    async fn scan_once(&self) -> Result<()> {
        let mut scan = self.0.scan.lock().await;
        let wanted = scan.gaps.wanted();
        if !wanted.is_empty() {
            let late = message::by_ids(self.0.store.read(), &wanted).await?;
            let appeared: Vec<_> = late.iter().map(|row| row.id.0).collect();
            self.deliver(&late).await;
            scan.gaps.settle(&appeared);
        }
        loop {
            let batch = message::after(self.0.store.read(), scan.last_id, BATCH).await?;
            let Some(last) = batch.last() else { return Ok(()) };
            let after = scan.last_id;
            scan.last_id = last.id.0;
            scan.gaps.record(after, batch.iter().map(|row| row.id.0));
            self.deliver(&batch).await;
        }
    }

    /// Positions, then caches, then waiters.
    async fn deliver(&self, rows: &[entity::release_message::Model]) {
        let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
        for row in rows {
            self.0.positions.advance(&row.message, row.id.0);
            newest.insert(&row.message, row.id.0);
        }
        for (text, id) in &newest {
            match split_watch_key(text) {
                Some((app_id, cluster, namespace)) => {
                    self.0.cache.reload(&NamespaceKey::new(app_id, cluster, namespace), *id).await;
                }
                None => tracing::warn!(message = text, "a release message is not made of three names and is dropped"),
            }
        }
        for row in rows {
            let Some((_, _, namespace)) = split_watch_key(&row.message) else { continue };
            if self.0.hub.is_watched(&row.message)
                && let Some(body) = notification(namespace, &row.message, row.id.0)
            {
                self.0.hub.wake(Wake { key: row.message.as_str().into(), id: row.id.0, body }).await;
            }
        }
    }

    /// Names and keys: what is new each second or when this process says so, everything each minute.
    async fn scan_definitions(self) {
        let mut since = Utc::now();
        let mut rebuilt = Instant::now();
        loop {
            let _ = tokio::time::timeout(SCAN_PAUSE, self.0.redefined.notified()).await;
            let now = Utc::now();
            let done = match rebuilt.elapsed() >= REBUILD_PAUSE {
                true => {
                    rebuilt = Instant::now();
                    self.rebuild_definitions().await
                }
                false => self.add_definitions(since - KEY_OVERLAP).await,
            };
            match done {
                Ok(()) => since = now,
                Err(error) => {
                    tracing::debug!(%error, "cannot read namespaces and access keys; those last read stay in force");
                }
            }
        }
    }

    async fn rebuild_definitions(&self) -> Result<()> {
        self.rebuild_names().await?;
        self.rebuild_keys().await
    }

    async fn add_definitions(&self, keys_since: DateTime<Utc>) -> Result<()> {
        self.add_names().await?;
        if stored_key::is_changed_since(self.0.store.read(), keys_since).await? {
            self.rebuild_keys().await?;
        }
        Ok(())
    }

    async fn add_names(&self) -> Result<()> {
        loop {
            let rows = namespace::app_namespaces_after(self.0.store.read(), self.names().last_id(), BATCH).await?;
            if rows.is_empty() {
                return Ok(());
            }
            self.names().add(&rows.into_iter().map(AppNamespace::from).collect::<Vec<_>>());
        }
    }

    async fn rebuild_names(&self) -> Result<()> {
        let mut all = Vec::new();
        let mut last = 0;
        loop {
            let rows = namespace::app_namespaces_after(self.0.store.read(), last, BATCH).await?;
            let Some(row) = rows.last() else { break };
            last = row.id.0;
            all.extend(rows.into_iter().map(AppNamespace::from));
        }
        self.names().replace(all);
        Ok(())
    }

    async fn rebuild_keys(&self) -> Result<()> {
        let rows = stored_key::all(self.0.store.read()).await?;
        self.keys().replace(rows.into_iter().map(access_key::AccessKey::from));
        Ok(())
    }
}

/// Answer of a poll that was woken: one namespace, one key, serialised once for all who wait for it.
#[must_use]
pub fn notification(namespace: &str, key: &str, id: i64) -> Option<Bytes> {
    let answer = [Notification {
        namespace_name: namespace.to_owned(),
        notification_id: id,
        messages: Some(NotificationMessages { details: BTreeMap::from([(key.to_owned(), id)]) }),
    }];
    crate::json::write(&answer).ok().map(Bytes::from)
}

impl From<entity::app_namespace::Model> for AppNamespace {
    fn from(row: entity::app_namespace::Model) -> Self {
        Self { id: row.id.0, app_id: row.app_id, name: row.name, is_public: row.is_public }
    }
}
