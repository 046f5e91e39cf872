//! Releases and gray rules in memory: what every answer of the config role is made from.
//!
//! Each namespace of a cluster has one slot. A slot is filled by one load at a time, so that a load which began before a publish
//! can never overwrite what came after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use castalia_core::protocol::wire::{self, Configurations};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::position::Positions;
use crate::error::Result;
use crate::store::{Store, entity, release};

/// Slots without a release that are kept: names that nobody published cost memory only up to here.
const MAX_EMPTY: usize = 50_000;

/// Former releases that are kept as bases of incremental answers.
const MAX_FORMER: usize = 1_000;

/// App, cluster and namespace in their stored spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamespaceKey {
    /// App id.
    pub app_id: String,
    /// Cluster.
    pub cluster: String,
    /// Namespace.
    pub namespace: String,
}

impl NamespaceKey {
    /// Joins the three names.
    #[must_use]
    pub fn new(app_id: &str, cluster: &str, namespace: &str) -> Self {
        Self { app_id: app_id.to_owned(), cluster: cluster.to_owned(), namespace: namespace.to_owned() }
    }

    /// The watch key of the same three names.
    #[must_use]
    pub fn watch_key(&self) -> String {
        castalia_core::protocol::namespace::watch_key(&self.app_id, &self.cluster, &self.namespace)
    }
}

/// One immutable release.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// Id of the row.
    pub id: i64,
    /// Identity that clients compare.
    pub release_key: String,
    /// App, cluster (a branch name for a gray release) and namespace.
    pub key: NamespaceKey,
    /// Content in stored order.
    pub configurations: Configurations,
}

/// A gray release with the clients that it is for.
#[derive(Debug)]
pub struct GrayRelease {
    /// Cluster of the branch.
    pub branch: String,
    /// Who gets it.
    pub rules: Vec<GrayRule>,
    /// What they get; `None` once it is abandoned or gone.
    pub release: Option<Arc<Release>>,
}

/// One line of a gray rule, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GrayRule {
    /// App whose clients are meant.
    pub client_app_id: String,
    /// Addresses, or `*`.
    pub client_ip_list: Vec<String>,
    /// Labels, or `*`.
    pub client_label_list: Vec<String>,
}

/// What is published for one namespace of one cluster.
#[derive(Debug, Default)]
pub struct Published {
    /// Newest release message that this reflects.
    pub notification_id: i64,
    /// The current release.
    pub main: Option<Arc<Release>>,
    /// Active gray releases, oldest rule first.
    pub gray: Vec<GrayRelease>,
}

impl Published {
    fn is_empty(&self) -> bool {
        self.main.is_none() && self.gray.is_empty()
    }
}

#[derive(Debug, Default)]
struct Slot {
    current: ArcSwapOption<Published>,
    /// A reload failed: try again before serving, but serve what is there when the database is away.
    is_stale: AtomicBool,
    loading: Mutex<()>,
}

/// The cache. Reads take no lock.
#[derive(Debug)]
pub struct ReleaseCache {
    store: Store,
    positions: Arc<Positions>,
    slots: papaya::HashMap<NamespaceKey, Arc<Slot>, ahash::RandomState>,
    empty: AtomicUsize,
    /// Releases by key, as bases of incremental answers; `None` where a key names nothing.
    former: quick_cache::sync::Cache<String, Option<Arc<Release>>>,
}

impl ReleaseCache {
    /// An empty cache over a database.
    #[must_use]
    pub fn new(store: Store, positions: Arc<Positions>) -> Self {
        Self { store, positions, slots: papaya::HashMap::default(), empty: AtomicUsize::new(0), former: quick_cache::sync::Cache::new(MAX_FORMER) }
    }

    /// What is published, not older than `at_least`; loaded at most once however many ask at the same time.
    ///
    /// # Errors
    /// When it was never loaded and the database cannot be read.
    pub async fn get(&self, key: &NamespaceKey, at_least: Option<i64>) -> Result<Arc<Published>> {
        let slot = self.slot(key);
        let known = slot.current.load_full();
        let is_fresh = |published: &Published| {
            !slot.is_stale.load(Ordering::Acquire) && at_least.is_none_or(|id| published.notification_id >= id)
        };
        if let Some(published) = known.as_ref().filter(|published| is_fresh(published)) {
            return Ok(Arc::clone(published));
        }
        let loading = slot.loading.lock().await;
        if let Some(published) = slot.current.load_full().filter(|published| is_fresh(published)) {
            return Ok(published);
        }
        match self.fill(key, &slot, at_least).await {
            Ok(published) => Ok(published),
            Err(error) => {
                drop(loading);
                known.ok_or(error)
            }
        }
    }

    /// Reads anew what a release message names, and the parents of a branch that it names. Slots that nobody asked for stay empty.
    pub async fn reload(&self, key: &NamespaceKey, notification_id: i64) {
        for key in self.concerned(key) {
            let Some(slot) = self.slots.pin().get(&key).cloned() else { continue };
            let _loading = slot.loading.lock().await;
            if let Err(error) = self.fill(&key, &slot, Some(notification_id)).await {
                slot.is_stale.store(true, Ordering::Release);
                tracing::warn!(app_id = key.app_id, cluster = key.cluster, namespace = key.namespace, %error,
                    "cannot reload a release; the old one is served until the database answers");
            }
        }
    }

    /// The release of a key, abandoned or not; remembered for the herd that asks with the same key after a publish.
    pub async fn by_key(&self, key: &str) -> Option<Arc<Release>> {
        if let Some(release) = self.former.get(key) {
            return release;
        }
        let found = release::by_keys(self.store.read(), &[key]).await.ok()?;
        let release = found.into_iter().find(|row| row.release_key == key).and_then(parse);
        self.former.insert(key.to_owned(), release.clone());
        release
    }

    fn concerned(&self, key: &NamespaceKey) -> Vec<NamespaceKey> {
        let slots = self.slots.pin();
        let is_parent = |(other, slot): &(&NamespaceKey, &Arc<Slot>)| {
            other.app_id == key.app_id
                && other.namespace == key.namespace
                && slot.current.load().as_ref().is_some_and(|p| p.gray.iter().any(|gray| gray.branch == key.cluster))
        };
        if slots.contains_key(key) {
            return vec![key.clone()];
        }
        slots.iter().filter(is_parent).map(|(other, _)| other.clone()).collect()
    }

    fn slot(&self, key: &NamespaceKey) -> Arc<Slot> {
        let slots = self.slots.pin();
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        Arc::clone(slots.get_or_insert_with(key.clone(), Arc::default))
    }

    /// Fills a slot whose `loading` lock the caller holds.
    async fn fill(&self, key: &NamespaceKey, slot: &Slot, at_least: Option<i64>) -> Result<Arc<Published>> {
        // The position is read first: a publish after this line makes the content newer than its number, never older.
        let position = self.positions.of(&key.watch_key()).unwrap_or(-1);
        let mut published = self.load(key).await?;
        published.notification_id = position.max(at_least.unwrap_or(-1));
        let published = Arc::new(published);
        let was_known = slot.current.swap(Some(Arc::clone(&published)));
        slot.is_stale.store(false, Ordering::Release);
        if published.is_empty() && was_known.is_none_or(|before| !before.is_empty()) {
            self.count_empty();
        }
        Ok(published)
    }

    async fn load(&self, key: &NamespaceKey) -> Result<Published> {
        let db = self.store.read();
        let main = release::latest_active(db, &key.app_id, &key.cluster, &key.namespace).await?;
        let rules = release::active_rules(db, &key.app_id, &key.cluster, &key.namespace).await?;
        let ids: Vec<_> = rules.iter().map(|rule| rule.release_id).collect();
        let mut releases = if ids.is_empty() { Vec::new() } else { release::active_by_ids(db, &ids).await? };
        let gray = rules.into_iter().map(|rule| {
            let at = releases.iter().position(|release| release.id == rule.release_id);
            GrayRelease {
                branch: rule.branch_name,
                rules: rule.rules.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
                release: at.and_then(|at| parse(releases.swap_remove(at))),
            }
        });
        let gray = gray.collect();
        Ok(Published { notification_id: -1, main: main.and_then(parse), gray })
    }

    /// Forgets the empty slots once there are too many of them.
    fn count_empty(&self) {
        if self.empty.fetch_add(1, Ordering::AcqRel) < MAX_EMPTY {
            return;
        }
        self.empty.store(0, Ordering::Release);
        self.slots.pin().retain(|_, slot| slot.current.load().as_ref().is_some_and(|published| !published.is_empty()));
    }
}

/// A row whose content cannot be read is isolated: that release is left out and reported, everything else goes on.
fn parse(row: entity::release::Model) -> Option<Arc<Release>> {
    let key = NamespaceKey { app_id: row.app_id, cluster: row.cluster_name, namespace: row.namespace_name };
    match serde_json::from_str::<Stored>(&row.configurations) {
        Ok(Stored(configurations)) => {
            Some(Arc::new(Release { id: row.id.0, release_key: row.release_key, key, configurations }))
        }
        Err(error) => {
            tracing::error!(release_id = row.id.0, app_id = key.app_id, cluster = key.cluster, namespace = key.namespace,
                %error, "a release holds no JSON object of texts and is not served");
            None
        }
    }
}

/// Stored configurations, read with the leniency of the wire: a stored null is an absent key.
#[derive(Deserialize)]
struct Stored(#[serde(deserialize_with = "wire::configurations")] Configurations);
