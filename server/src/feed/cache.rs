//! Releases and gray rules in memory: the source of every answer of the config role.
//!
//! Each namespace of a cluster has one slot, however clients write it. A slot is filled by one load
//! at a time, so that a load which began before a publish can never overwrite a newer result. Loaded
//! values remain until a release message replaces them, also while the database is unreachable.

#[cfg(test)]
mod bound;
#[cfg(test)]
mod damage;
mod failed;
mod former;
mod load;
mod misplaced;
mod published;
mod slot_key;
mod slots;
#[cfg(test)]
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use castalia_store::{Store, feed as stored};
use tokio::sync::{Mutex, Semaphore};

#[cfg(test)]
pub(super) use self::bound::empty_store;
use self::failed::FailedLoads;
use self::former::FormerReleases;
pub(crate) use self::load::stored_configurations;
use self::misplaced::MisplacedRows;
pub use self::published::{GrayRelease, GrayRule, NamespaceKey, NamespaceRef, Published, Release};
use self::slot_key::{Folding, SlotKey, SlotRef};
use super::emptied::EmptiedTables;
use super::name::Names;
use super::position::Positions;
use crate::disconnect::to_the_end;
use crate::error::{Error, Result};
use crate::server_config::ServerConfig;

/// Memory for slots without a release, in bytes. Unknown clients can fill it by requesting names
/// that were never published.
const EMPTY_CAPACITY: usize = 4 * 1024 * 1024;
/// Bytes that such a slot needs beside its names.
const EMPTY_SLOT: usize = 400;
/// Maximum wait for the database. A client that would wait longer is better served by another node.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Maximum wait for the turn to read the base of an incremental answer. A full one is as good.
const BASE_PATIENCE: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
struct CacheSlot {
    current: ArcSwapOption<Published>,
    /// Held by the client that waits for a permit to load it; the others wait for that client.
    first: Mutex<()>,
    /// Held during a load, so that an older result never replaces a newer one.
    loading: Mutex<()>,
    /// Bytes charged for it while it holds no release.
    charge: AtomicUsize,
}

/// The sources that a request may be answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Memory only. A future that needs the database never completes: it is polled once and
    /// dropped.
    Memory,
    /// Memory, and the database for what is missing there.
    Database,
}

impl ReadFrom {
    /// Awaited before the database is read.
    pub(super) async fn database(self) {
        if self == Self::Memory {
            std::future::pending().await
        }
    }
}

/// The cache. Reads take no lock.
#[derive(Debug)]
pub struct ReleaseCache {
    store: Store,
    names: Arc<Names>,
    positions: Arc<Positions>,
    emptied: Arc<EmptiedTables>,
    slots: papaya::HashMap<SlotKey, Arc<CacheSlot>, ahash::RandomState>,
    folding: Folding,
    /// Bytes charged for slots without a release, including those whose load failed.
    empty: AtomicUsize,
    /// Releases by key, as bases of incremental answers; `None` for a key without a release.
    former: FormerReleases,
    /// Keys whose content has changed: clients may have either version, so these cannot be bases.
    rewritten: papaya::HashSet<String, ahash::RandomState>,
    misplaced: MisplacedRows,
    failed: FailedLoads,
    /// One permit for each load that a client causes, until its statements have ended. At least one
    /// query of the feed itself can always run: clients may request any number of names that are
    /// not in memory.
    loads: Arc<Semaphore>,
    is_database_away: AtomicBool,
}

impl ReleaseCache {
    /// An empty cache over a database.
    #[must_use]
    pub(super) fn new(
        store: Store,
        config: ServerConfig,
        names: Arc<Names>,
        positions: Arc<Positions>,
        emptied: Arc<EmptiedTables>,
    ) -> Self {
        let loads = Arc::new(Semaphore::new(store.reserved_reads() - 1));
        Self {
            folding: Folding::of(&store, &names),
            store,
            loads,
            names,
            positions,
            emptied,
            slots: papaya::HashMap::default(),
            empty: AtomicUsize::new(0),
            former: FormerReleases::new(config),
            rewritten: papaya::HashSet::default(),
            misplaced: MisplacedRows::default(),
            failed: FailedLoads::default(),
            is_database_away: AtomicBool::new(false),
        }
    }

    /// Returns the published content of a namespace; concurrent calls share one load.
    ///
    /// # Errors
    /// Fails if it was never loaded and the database does not answer.
    pub async fn get(self: &Arc<Self>, place: NamespaceRef<'_>) -> Result<Arc<Published>> {
        let slot = self.known_slot(place);
        if let Some(published) = slot.as_ref().and_then(|slot| slot.current.load_full()) {
            return Ok(published);
        }
        if self.is_database_away() {
            return Err(away());
        }
        let slot = slot.unwrap_or_else(|| self.slot(place));
        let load = async {
            let _first = slot.first.lock().await;
            // An earlier load may still run although its client gave up; wait without a turn.
            drop(slot.loading.lock().await);
            // It or another caller may have filled the slot meanwhile.
            if let Some(published) = slot.current.load_full() {
                return Ok(published);
            }
            // Before the lock, for which a reload would wait too.
            let turn = Arc::clone(&self.loads).acquire_owned().await.map_err(|_| away())?;
            let (cache, key, slot) = (Arc::clone(self), self.stored(place), Arc::clone(&slot));
            // Also if the client gives up: the connection is in use until the database answers.
            to_the_end(async move {
                let _turn = turn;
                cache.load(NamespaceRef::of(&key), &slot).await
            })
            .await
        };
        tokio::time::timeout(PATIENCE, load).await.unwrap_or_else(|_| Err(away()))
    }

    /// Fills a slot, unless it was filled before this load began.
    async fn load(&self, place: NamespaceRef<'_>, slot: &CacheSlot) -> Result<Arc<Published>> {
        let _loading = slot.loading.lock().await;
        match slot.current.load_full() {
            Some(published) => Ok(published),
            None => {
                let filled = self.fill(place, slot, -1).await;
                filled.inspect_err(|error| self.failed.note(place, error))
            }
        }
    }

    /// Reloads the namespace of a release message and, for a branch, its parents. Slots that were
    /// never requested remain empty.
    ///
    /// # Errors
    /// Fails if the database cannot be read; the previous values are then kept.
    pub async fn reload(&self, place: NamespaceRef<'_>, notification_id: i64) -> Result<()> {
        let own = self.known_slot(place).map(|slot| (place.to_key(), slot));
        for (key, slot) in own.into_iter().chain(self.parents(place)) {
            let _loading = slot.loading.lock().await;
            self.fill(NamespaceRef::of(&key), &slot, notification_id).await?;
        }
        Ok(())
    }

    /// The content of all filled slots.
    pub(super) fn cached(&self) -> Vec<(NamespaceKey, Arc<Published>)> {
        let slots = self.slots.pin();
        let filled = slots.iter().filter_map(|(key, slot)| {
            let published = slot.current.load_full()?;
            Some((self.stored(NamespaceRef::of(&key.names)), published))
        });
        filled.collect()
    }

    /// Reads the content from the database without storing it in the slot.
    pub(super) async fn read(&self, place: NamespaceRef<'_>) -> Result<Published> {
        let mut published = load::published(self.store.read(), &self.names, place).await?;
        self.misplaced.apply(place, &mut published);
        Ok(published)
    }

    /// Finds the rows that belong to no namespace.
    pub(super) async fn find_misplaced(&self) -> Result<()> {
        self.misplaced.refresh(self.store.read()).await
    }

    /// Reloads a namespace that is in memory; returns whether its content changed.
    pub(super) async fn refresh(&self, place: NamespaceRef<'_>) -> Result<bool> {
        let Some(slot) = self.known_slot(place) else { return Ok(false) };
        let _loading = slot.loading.lock().await;
        let Some(before) = slot.current.load_full() else { return Ok(false) };
        Ok(!before.is_same(&*self.fill(place, &slot, -1).await?))
    }

    /// Sets whether the database is unreachable; while it is, requests fail at once instead of
    /// waiting for it.
    pub fn set_database_away(&self, is_away: bool) {
        self.is_database_away.store(is_away, Ordering::Release);
    }

    /// Whether the last query of the database failed to be answered.
    #[must_use]
    pub fn is_database_away(&self) -> bool {
        self.is_database_away.load(Ordering::Acquire)
    }

    /// The release with this key, abandoned or not. Cached, because many clients send the same key
    /// after a publish.
    pub async fn by_key(&self, key: &str, read_from: ReadFrom) -> Option<Arc<Release>> {
        if self.rewritten.pin().contains(key) {
            return None;
        }
        if let Some(release) = self.former.get(key) {
            return release;
        }
        read_from.database().await;
        if self.is_database_away() {
            return None;
        }
        let turn = Arc::clone(&self.loads).acquire_owned();
        let turn = tokio::time::timeout(BASE_PATIENCE, turn).await.ok()?.ok()?;
        let (store, name) = (self.store.clone(), key.to_owned());
        let read = async move {
            let _turn = turn;
            load::by_key(store.read(), &name).await
        };
        let release = to_the_end(read).await.ok()?;
        self.former.insert(key.to_owned(), release.clone());
        release
    }

    /// The slot for these names; a new one is charged as empty until content is found for it.
    fn slot(&self, place: NamespaceRef<'_>) -> Arc<CacheSlot> {
        let charge = place.app_id.len() + place.cluster.len() + place.namespace.len() + EMPTY_SLOT;
        let slot = Arc::new(CacheSlot { charge: charge.into(), ..CacheSlot::default() });
        self.charge(charge);
        let slots = self.slots.pin();
        match slots.try_insert(SlotRef(place, self.folding).to_key(), Arc::clone(&slot)) {
            Ok(_) => slot,
            Err(other) => {
                self.discharge(&slot);
                Arc::clone(other.current)
            }
        }
    }

    /// Fills a slot; the caller holds its `loading` lock.
    async fn fill(
        &self,
        place: NamespaceRef<'_>,
        slot: &CacheSlot,
        message: i64,
    ) -> Result<Arc<Published>> {
        // The position is read before the content: a publish in between makes the content newer
        // than its id, never older.
        let position = self.positions.of(&place.watch_key()).unwrap_or(-1);
        let mut published = load::published(self.store.read(), &self.names, place).await?;
        published.notification_id = position.max(message);
        let before = slot.current.load_full();
        let known = before.as_ref().map(|before| before.fingerprint);
        let db = self.store.read();
        self.emptied.check_published(db, published.fingerprint, known).await?;
        if self.may_be_misplaced(place, &published, before.as_deref()).await? {
            self.find_misplaced().await?;
            before.iter().for_each(|before| self.misplaced.assign(place, before));
        }
        self.misplaced.apply(place, &mut published);
        if let Some(before) = before {
            published.keep_unreadable(&before);
            published.mark_rewritten(&before);
            self.remember(&before, &published);
        }
        let published = Arc::new(published);
        let was_known = slot.current.swap(Some(Arc::clone(&published)));
        if !published.is_empty() {
            self.discharge(slot);
        } else if was_known.is_some_and(|before| !before.is_empty()) {
            slot.charge.store(EMPTY_SLOT, Ordering::Release);
            self.charge(EMPTY_SLOT);
        }
        Ok(published)
    }

    /// Whether a row may be missing only because the names in it were damaged since rows without a
    /// namespace were last searched.
    async fn may_be_misplaced(
        &self,
        place: NamespaceRef<'_>,
        now: &Published,
        before: Option<&Published>,
    ) -> Result<bool> {
        if self.misplaced.concern(place) {
            return Ok(true);
        }
        if let Some(before) = before {
            return Ok(now.lacks_rows_of(before));
        }
        let recorded = stored::recorded(self.store.read(), place.names()).await?;
        let (main, rule) = (now.fingerprint.main, now.fingerprint.rule);
        Ok(recorded.main > main || (recorded.has_branch && rule.is_none()))
    }

    /// Keeps the releases that clients have received as bases of their next answers, since the rows
    /// may have been changed by hand.
    fn remember(&self, before: &Published, now: &Published) {
        for release in now.releases().filter(|release| release.is_rewritten) {
            self.rewritten.pin().insert(release.release_key.clone());
            self.former.remove(&release.release_key);
        }
        for former in before.releases() {
            if !now.releases().any(|release| release.release_key == former.release_key) {
                self.former.insert(former.release_key.clone(), Some(Arc::clone(former)));
            }
        }
    }

    /// Describes, for operators, what cannot be read.
    pub(super) fn faults(&self) -> impl Iterator<Item = String> {
        [self.fault(), self.refused()].into_iter().flatten().chain(self.misplaced.fault())
    }

    /// Describes the namespaces in memory whose rows cannot be read.
    fn fault(&self) -> Option<String> {
        let slots = self.slots.pin();
        let is_unreadable = |(_, slot): &(_, &Arc<CacheSlot>)| {
            slot.current.load().as_ref().is_some_and(|now| now.is_unreadable())
        };
        let mut found = slots.iter().filter(is_unreadable).map(|(key, _)| key.names.watch_key());
        let first = found.next()?;
        Some(format!(
            "a release or a gray release rule of {} namespaces, including {first}, cannot be decoded: clients keep the \
             previous values if this node has them, and are refused otherwise; publish these namespaces and their \
             branches again",
            found.count() + 1
        ))
    }

    /// Charges a slot without a release, and removes all such slots when they exceed the limit,
    /// except for those that are being loaded.
    fn charge(&self, bytes: usize) {
        if self.empty.fetch_add(bytes, Ordering::AcqRel) < EMPTY_CAPACITY {
            return;
        }
        self.slots.pin().retain(|_, slot| {
            let holds_release = slot.current.load().as_ref().is_some_and(|now| !now.is_empty());
            let is_kept = holds_release || slot.loading.try_lock().is_err();
            if !is_kept {
                self.discharge(slot);
            }
            is_kept
        });
    }

    /// Ends the charge of a slot. Each charge is subtracted once, in whatever order this is called.
    fn discharge(&self, slot: &CacheSlot) {
        self.empty.fetch_sub(slot.charge.swap(0, Ordering::AcqRel), Ordering::AcqRel);
    }
}

pub(super) fn away() -> Error {
    Error::unavailable("The database is currently unavailable.")
}
