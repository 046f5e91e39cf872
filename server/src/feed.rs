//! The release feed: reads release messages, keeps in memory everything that clients request, and
//! wakes parked polls.
//!
//! Publishers signal it after their commit, and one scan answers all pending signals. A scan each
//! second guarantees delivery if a signal is lost. Caches are updated before waiters are woken,
//! because a client that is woken sends its request at once.

pub mod access_key;
pub mod answer;
mod awaited;
mod byte_cache;
pub mod cache;
mod condition;
mod deferred;
mod definition;
mod deliver;
mod emptied;
mod folded;
pub mod gap;
pub mod hub;
pub mod name;
mod pace;
pub mod position;
mod reconcile;
mod round;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use castalia_core::protocol::wire::{Notification, NotificationMessages};
use castalia_store::Store;
use castalia_store::feed::Appended;
use futures_util::future::join;
use tokio::sync::{Mutex, Notify};
use tokio::time::{MissedTickBehavior, interval};

use self::access_key::AccessKeys;
use self::answer::AnswerCache;
use self::awaited::AwaitedIds;
use self::cache::{NamespaceRef, Published, ReadFrom, ReleaseCache};
use self::condition::Condition;
use self::deferred::Deferred;
use self::definition::{DefinitionKind, DefinitionScan, KeysRead};
use self::emptied::EmptiedTables;
use self::hub::{Limits, WatchHub};
use self::name::{Contest, Names};
use self::pace::Pacer;
use self::position::Positions;
use self::reconcile::ReloadRequest;
use self::round::Rounds;
use self::scan::Scan;
use crate::background::Background;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// Rows per statement of a scan.
const BATCH: u64 = 500;

/// Everything in memory that the config role answers from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReleaseFeed(Arc<FeedInner>);

#[derive(Debug)]
struct FeedInner {
    store: Store,
    config: ServerConfig,
    cache: Arc<ReleaseCache>,
    answers: AnswerCache,
    hub: WatchHub,
    pacer: Pacer,
    names: Arc<Names>,
    /// Public names that two apps declare, as of the last read.
    contests: parking_lot::Mutex<BTreeSet<Contest>>,
    keys: AccessKeys,
    positions: Arc<Positions>,
    signal: Notify,
    /// Held during a scan, so that scans never overlap.
    scan: Mutex<Scan>,
    /// Numbers the scans of release messages.
    scans: Rounds,
    awaited: AwaitedIds,
    names_scan: DefinitionScan,
    keys_scan: DefinitionScan,
    /// Number of changes of names and access keys by this process.
    changes_here: AtomicU64,
    keys_read: parking_lot::Mutex<KeysRead>,
    deferred: Deferred,
    condition: Condition,
    emptied: Arc<EmptiedTables>,
    /// The reload of everything that is requested.
    reload: parking_lot::Mutex<Option<ReloadRequest>>,
    rewound: Notify,
}

/// How a feed is configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct FeedOptions {
    /// Whether app ids and clusters match without regard to ASCII case.
    pub folds_names: bool,
    /// Capacity for parked polls.
    pub polls: Limits,
}

impl ReleaseFeed {
    /// Reads what has to be known before the first request is served. If names and access keys
    /// cannot be read, the scan retries, and no client is served before.
    ///
    /// # Errors
    /// Fails if the release messages cannot be read.
    pub async fn load(store: Store, config: ServerConfig, options: FeedOptions) -> Result<Self> {
        let positions = Arc::new(Positions::default());
        let names = Arc::new(Names::new(options.folds_names));
        let emptied = Arc::new(EmptiedTables::default());
        let feed = Self(Arc::new(FeedInner {
            cache: Arc::new(ReleaseCache::new(
                store.clone(),
                config.clone(),
                Arc::clone(&names),
                Arc::clone(&positions),
                Arc::clone(&emptied),
            )),
            answers: AnswerCache::default(),
            hub: WatchHub::new(options.polls),
            pacer: Pacer::new(config.clone()),
            names,
            contests: parking_lot::Mutex::default(),
            keys: AccessKeys::new(options.folds_names),
            positions,
            signal: Notify::new(),
            scan: Mutex::default(),
            scans: Rounds::default(),
            awaited: AwaitedIds::default(),
            names_scan: DefinitionScan::new(),
            keys_scan: DefinitionScan::new(),
            changes_here: AtomicU64::new(0),
            keys_read: parking_lot::Mutex::default(),
            deferred: Deferred::default(),
            condition: Condition::default(),
            emptied,
            reload: parking_lot::Mutex::default(),
            rewound: Notify::new(),
            store,
            config,
        }));
        // Reported, and repeated by the scans.
        let _ = feed.rebuild_definitions().await;
        if let Err(error) = feed.cache().find_misplaced().await {
            tracing::error!(%error, "cannot search for rows that belong to no namespace; the next reconciliation retries");
        }
        feed.load_positions().await?;
        Ok(feed)
    }

    /// Starts the scans and the clock of the hub.
    pub fn run(&self, background: &Background) {
        let feed = self.clone();
        background.spawn("release message scan", move || feed.clone().scan_messages());
        let feed = self.clone();
        background.spawn("deferred release messages", move || feed.clone().retry_deferred());
        let feed = self.clone();
        background.spawn("failed loads", move || {
            let feed = feed.clone();
            async move { feed.cache().retry_failed().await }
        });
        let feed = self.clone();
        background.spawn("name scan", move || feed.clone().scan_definitions(DefinitionKind::Names));
        let feed = self.clone();
        background
            .spawn("access key scan", move || feed.clone().scan_definitions(DefinitionKind::Keys));
        let feed = self.clone();
        background.spawn("reconciliation", move || feed.clone().reconcile_in_turn());
        let feed = self.clone();
        background.spawn("paced fan-out", move || {
            let feed = feed.clone();
            async move { feed.0.pacer.run().await }
        });
        let hub = self.hub().clone();
        background.spawn("hub clock", move || tick(hub.clone()));
    }

    /// Waits until release messages that were committed before this call are delivered on this
    /// node, so that a caller that is answered afterwards reads the release from it. Gives up after
    /// a second, for example while the database cannot be read.
    pub async fn deliver_committed(&self) {
        if !self.0.scans.next(|| self.signal()).await {
            tracing::warn!(
                "a release message was committed but not delivered; clients of this node receive it with the next \
                 successful scan"
            );
        }
    }

    /// Same as [`Self::deliver_committed`] for one message, without a scan if one would read
    /// nothing else. If it is cancelled, the next scan reads the message.
    pub async fn deliver_appended(&self, appended: Appended) {
        if !self.deliver_next(appended).await {
            self.deliver_committed().await;
        }
    }

    /// Same as [`Self::deliver_committed`], for names and access keys.
    pub async fn read_committed_definitions(&self) {
        // The change may bear a time that does not look new, because a clock went back.
        self.0.changes_here.fetch_add(1, Ordering::AcqRel);
        let (names, keys) = join(self.0.names_scan.next(), self.0.keys_scan.next()).await;
        if !(names && keys) {
            tracing::warn!(
                "a change of a name or an access key was committed, but names and access keys could not all be read \
                 since; if it is not in effect on this node, the next successful read applies it"
            );
        }
    }

    /// Signals that a release message may have been committed. The signal carries no data: losing
    /// or forging one does no harm.
    pub fn signal(&self) {
        self.0.signal.notify_one();
    }

    /// Signals that a name or an access key may have been committed.
    pub fn signal_definitions(&self) {
        self.0.names_scan.request();
        self.0.keys_scan.request();
    }

    /// The published content of a namespace, not older than the release message `told`, which the
    /// client was notified of.
    ///
    /// # Errors
    /// Fails if it has to be read and the database does not answer: a client that was notified of a
    /// release must not receive an older one.
    pub async fn published(
        &self,
        place: NamespaceRef<'_>,
        told: Option<i64>,
        read_from: ReadFrom,
    ) -> Result<Arc<Published>> {
        match self.0.cache.peek(place) {
            Some(published) if told.is_none_or(|id| published.notification_id >= id) => {
                Ok(published)
            }
            _ => {
                read_from.database().await;
                // Boxed, because an answer from memory would otherwise move the whole future of a
                // database read.
                Box::pin(self.read_published(place, told)).await
            }
        }
    }

    async fn read_published(
        &self,
        place: NamespaceRef<'_>,
        told: Option<i64>,
    ) -> Result<Arc<Published>> {
        let published = self.0.cache.get(place).await?;
        match told.filter(|id| published.notification_id < *id) {
            Some(id) => {
                self.catch_up(place, id).await?;
                self.0.cache.get(place).await
            }
            None => Ok(published),
        }
    }

    /// Whether clients can be answered: names and access keys were read.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.names().is_loaded() && self.keys().is_loaded()
    }

    /// Present faults, one sentence each; empty while everything that is published reaches its
    /// clients.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.0.condition.faults(self.alarm());
        faults.extend(self.0.emptied.fault());
        faults.extend(self.0.deferred.fault());
        faults.extend(self.0.cache.faults());
        if !self.is_loaded() {
            faults.push("names and access keys cannot be read: clients are refused".to_owned());
        }
        faults
    }

    /// Namespaces that clients requested in vain, in one sentence.
    #[must_use]
    pub fn refused_namespaces(&self) -> Option<String> {
        self.cache().refused()
    }

    /// The greatest id that clients received before the ids went back, while the rewind is
    /// reported.
    #[must_use]
    pub fn lost_id(&self) -> Option<i64> {
        self.0.condition.lost_id(self.alarm())
    }

    /// When the ids last went back; the rows that this process wrote before may be missing since.
    #[must_use]
    pub fn last_rewind(&self) -> Option<Instant> {
        self.0.condition.last_rewind()
    }

    fn alarm(&self) -> Duration {
        self.0.config.get(&keys::REWIND_ALARM)
    }

    /// Releases and gray rules.
    #[must_use]
    pub fn cache(&self) -> &Arc<ReleaseCache> {
        &self.0.cache
    }

    /// Bodies that have been serialised before.
    #[must_use]
    pub fn answers(&self) -> &AnswerCache {
        &self.0.answers
    }

    /// Parked polls.
    #[must_use]
    pub fn hub(&self) -> &WatchHub {
        &self.0.hub
    }

    /// Names in their stored spelling.
    #[must_use]
    pub fn names(&self) -> &Names {
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
}

/// Uses the monotonic clock and catches up after a stall, so that neither a jump of the wall clock
/// nor a busy machine changes how long a poll is held.
async fn tick(hub: WatchHub) {
    let mut clock = interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        clock.tick().await;
        hub.tick();
    }
}

/// The answer of a woken poll: one namespace, one key, serialised once for all its waiters.
#[must_use]
pub fn notification(namespace: &str, key: &str, id: i64) -> Option<Bytes> {
    let answer = [Notification {
        namespace_name: namespace.to_owned(),
        notification_id: id,
        messages: Some(NotificationMessages { details: BTreeMap::from([(key.to_owned(), id)]) }),
    }];
    crate::json::write(&answer).ok().map(Bytes::from)
}
