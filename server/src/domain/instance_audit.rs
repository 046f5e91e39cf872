//! Records which running client read which release. The config role offers records, and a task
//! writes them in batches outside the request path. Records that do not fit into the queue are
//! dropped and counted, because no client may wait for a record.
//!
//! Clients identify themselves without proof. Therefore only valid addresses are recorded, only for
//! apps that are stored, and only as many as [`super::instance_bounds`] allows. How a batch becomes
//! rows is in a file below.

mod batch;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::{NO_APP_ID, is_no_app_id};
use castalia_store::instance::Identity;
use castalia_store::{Store, instance};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::constraint::{self, can_be_stored};
use super::instance_bounds::Room;
use super::lookup::{LookupRequest, LookupResult};
use super::unwritten::Unwritten;
use crate::background::Background;
use crate::error::{Reaction, Result};
use crate::feed::cache::{NamespaceKey, Release};
use crate::server_config::{ServerConfig, keys};

use batch::{Written, without_case};

/// Records per transaction.
const BATCH: usize = 100;
/// Pause after a batch that could not be written.
const PAUSE: Duration = Duration::from_secs(1);
/// A client whose release does not change is recorded again after a day, so that readers can
/// distinguish it from one that has stopped.
const REPEAT: Duration = Duration::from_secs(24 * 3600);
/// The same for one whose record was dropped: the limit may be raised, or the database repaired.
const DROPPED_REPEAT: Duration = Duration::from_secs(600);
/// Width of the column in characters.
const DATA_CENTER: usize = 64;
/// The same for addresses in Apollo's tables, where an operator may have widened it; the others hold
/// any address.
const NARROW_ADDRESS: usize = 32;

/// A client and a release that it received. Contains names only: a queue of releases would keep
/// their content in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sighting {
    /// Digest of client and namespace.
    digest: u64,
    identity: Identity,
    namespace: NamespaceKey,
    release_key: String,
    time: DateTime<Utc>,
}

/// The last record for a client and namespace.
#[derive(Debug, Clone, Copy)]
struct LastRecord {
    /// Digest of the release key.
    release: u64,
    /// On the monotonic clock: a jump of the wall clock must not make a client look stopped.
    time: Instant,
    /// Whether it was not written, because of a limit or of what it contains.
    is_dropped: bool,
}

/// Receives the records of the config role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InstanceAudit(Arc<AuditInner>);

#[derive(Debug)]
struct AuditInner {
    store: Store,
    config: ServerConfig,
    queue: Sender<Sighting>,
    /// Locked by the writer; one that starts after a panic continues with it.
    offered: Mutex<Receiver<Sighting>>,
    /// By digest of client and namespace; a client without changes costs one look-up and no
    /// allocation.
    recorded: Cache<u64, LastRecord>,
    digest: ahash::RandomState,
}

impl InstanceAudit {
    /// Accepts records from now on; they are written once [`InstanceAudit::run`] is called.
    #[must_use]
    pub fn new(store: Store, config: ServerConfig) -> Self {
        let size = |key| usize::try_from(config.get(key)).unwrap_or(usize::MAX);
        let (queue, offered) = channel(size(&keys::INSTANCE_QUEUE));
        let recorded = Cache::new(size(&keys::INSTANCE_CACHE));
        let offered = Mutex::new(offered);
        let digest = ahash::RandomState::new();
        Self(Arc::new(AuditInner { store, config, queue, offered, recorded, digest }))
    }

    /// Starts the writer.
    pub fn run(&self, background: &Background) {
        let audit = self.clone();
        background.spawn("instance audit", move || audit.clone().write());
    }

    /// Offers a record of an answered request; returns at once.
    pub fn offer(&self, asked: &LookupRequest<'_>, found: &LookupResult) {
        let LookupRequest { target, caller, .. } = asked;
        let Some(ip) = caller.ip.as_deref() else { return };
        let app_id = asked.app_id.unwrap_or(&target.app_id);
        let data_center = caller.data_center.as_deref().unwrap_or_default();
        for release in found.releases() {
            let of = (app_id, &target.cluster, data_center, ip);
            let digest = self.0.digest.hash_one((of, &release.key.app_id, &release.key.namespace));
            let key = self.0.digest.hash_one(&release.release_key);
            let now = Instant::now();
            if self.0.recorded.get(&digest).is_some_and(|last| last.is_same(key, now)) {
                continue;
            }
            let Some(identity) = identity(asked) else { return };
            let sighting = sighting(digest, identity, release);
            if self.0.queue.try_send(sighting).is_err() {
                metrics::counter!("castalia_instance_records_dropped_total").increment(1);
                continue;
            }
            self.0.recorded.insert(digest, LastRecord::of(key, now));
        }
    }

    /// Records every client with its next request, as if it had not been recorded before.
    pub fn record_all_again(&self) {
        self.0.recorded.clear();
    }

    async fn write(self) {
        let mut offered = self.0.offered.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        let mut room = Room::default();
        while offered.recv_many(&mut batch, BATCH).await > 0 {
            let digests = batch.iter().map(|sighting| sighting.digest);
            let unwritten = Unwritten::of(&self.0.recorded, digests);
            match self.write_batch(&mut room, newest(std::mem::take(&mut batch))).await {
                Ok(dropped) => {
                    unwritten.done();
                    self.drop_records(&dropped);
                }
                Err(error) => {
                    drop(unwritten);
                    metrics::counter!("castalia_instance_batches_failed_total").increment(1);
                    tracing::warn!(%error, "cannot write a batch of instance records; its clients are recorded again with their next requests");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Counts records that were dropped, and has their clients recorded again sooner.
    fn drop_records(&self, digests: &[u64]) {
        let count = digests.len() as u64;
        metrics::counter!("castalia_instance_records_dropped_total").increment(count);
        for digest in digests {
            if let Some(last) = self.0.recorded.get(digest) {
                self.0.recorded.insert(*digest, LastRecord { is_dropped: true, ..last });
            }
        }
    }

    /// Writes the records that the limits admit. A batch that the database rejects is written row
    /// by row, so that one unexpected row does not lose the others. Returns the digests of those
    /// that were dropped.
    async fn write_batch(&self, room: &mut Room, batch: Vec<Sighting>) -> Result<Vec<u64>> {
        let (batch, mut dropped) = self.fitting(batch).await?;
        let (batch, left) = self.admitted(room, batch).await?;
        dropped.extend(left);
        if batch.is_empty() {
            return Ok(dropped);
        }
        match self.record(room, batch.clone()).await {
            Err(error) if batch.len() > 1 && error.reaction() != Reaction::Unavailable => {
                let mut lost = 0;
                for sighting in batch {
                    let digest = sighting.digest;
                    match self.record(room, vec![sighting]).await {
                        Ok(more) => dropped.extend(more),
                        // Nothing is wrong with this row and the next ones: all are repeated.
                        Err(error) if error.reaction() == Reaction::Unavailable => {
                            return Err(error);
                        }
                        Err(_) => {
                            lost += 1;
                            dropped.push(digest);
                        }
                    }
                }
                tracing::warn!(%error, lost, "the database rejected some instance records; they are dropped");
            }
            done => dropped.extend(done?),
        }
        Ok(dropped)
    }

    /// The batch without addresses that their column cannot hold, and the digests of what was left
    /// out. They would have the whole batch rejected.
    async fn fitting(&self, batch: Vec<Sighting>) -> Result<(Vec<Sighting>, Vec<u64>)> {
        let length = |sighting: &Sighting| sighting.identity.ip.len();
        if batch.iter().all(|sighting| length(sighting) <= NARROW_ADDRESS) {
            return Ok((batch, Vec::new()));
        }
        let width = instance::address_width(self.0.store.read()).await?;
        let fits = |sighting: &Sighting| width.is_none_or(|width| length(sighting) as u64 <= width);
        Ok(split(batch, fits))
    }

    /// The batch without new instances beyond the limits, and the digests of what was left out.
    async fn admitted(
        &self,
        room: &mut Room,
        batch: Vec<Sighting>,
    ) -> Result<(Vec<Sighting>, Vec<u64>)> {
        let AuditInner { store, config, .. } = &*self.0;
        let all: HashSet<_> = batch.iter().map(|sighting| sighting.identity.clone()).collect();
        let all: Vec<_> = all.into_iter().collect();
        let stored = instance::find(store.read(), &all).await?;
        let mut kept: HashSet<_> = stored.iter().map(Identity::from).collect();
        let spellings: HashSet<_> = kept.iter().map(without_case).collect();
        let mut new = Vec::new();
        for identity in all {
            if kept.contains(&identity) {
                continue;
            }
            // Whether two spellings are one instance depends on the collation of the table, so the
            // database decides: otherwise spellings would be a way around the limits.
            let is_stored = spellings.contains(&without_case(&identity))
                && !instance::find(store.read(), slice::from_ref(&identity)).await?.is_empty();
            if is_stored {
                kept.insert(identity);
            } else {
                new.push(identity);
            }
        }
        kept.extend(room.admit(store, config, new).await?);
        Ok(split(batch, |sighting| kept.contains(&sighting.identity)))
    }

    /// Writes a batch, and returns the digests of what was left out.
    async fn record(&self, room: &mut Room, batch: Vec<Sighting>) -> Result<Vec<u64>> {
        let AuditInner { store, config, .. } = &*self.0;
        let settled = config.get(&keys::INSTANCE_THRESHOLD);
        let settled = TimeDelta::from_std(settled).unwrap_or(TimeDelta::MAX);
        let input = (batch, settled, room.has_reading(config));
        let write = store.write(input, |tx, (batch, settled, has_room)| {
            Box::pin(batch::record(tx, batch, *settled, *has_room))
        });
        let Written { new, dropped } = write.await?;
        room.add_readings(new);
        Ok(dropped)
    }
}

impl LastRecord {
    fn of(release: u64, time: Instant) -> Self {
        Self { release, time, is_dropped: false }
    }

    fn is_same(self, release: u64, now: Instant) -> bool {
        let repeat = if self.is_dropped { DROPPED_REPEAT } else { REPEAT };
        now.duration_since(self.time) < repeat && self.release == release
    }
}

/// The client in a form that fits the columns; `None` if it is not recorded: the app is not stored,
/// or the address is invalid.
fn identity(asked: &LookupRequest<'_>) -> Option<Identity> {
    let LookupRequest { target, caller, .. } = asked;
    let app_id = match asked.app_id {
        Some(app_id) => app_id,
        None if is_no_app_id(&target.app_id) => NO_APP_ID,
        None => return None,
    };
    let address: IpAddr = caller.ip.as_deref()?.parse().ok()?;
    let identity = Identity {
        app_id: app_id.to_owned(),
        cluster: target.cluster.clone(),
        data_center: caller.data_center.clone().unwrap_or_default(),
        // Canonical, so that one address always has the same text.
        ip: address.to_canonical().to_string(),
    };
    fits(&identity).then_some(identity)
}

fn fits(identity: &Identity) -> bool {
    let short = |text: &str, width| text.chars().count() <= width;
    short(&identity.app_id, constraint::APP_ID)
        && can_be_stored(&identity.cluster, constraint::NAME)
        && short(&identity.data_center, DATA_CENTER)
        && !identity.data_center.contains(char::is_control)
}

/// Those of a batch that are kept, and the digests of the others.
fn split(batch: Vec<Sighting>, is_kept: impl Fn(&Sighting) -> bool) -> (Vec<Sighting>, Vec<u64>) {
    let (kept, left): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_kept);
    (kept, left.iter().map(|sighting| sighting.digest).collect())
}

fn sighting(digest: u64, identity: Identity, release: &Release) -> Sighting {
    Sighting {
        digest,
        identity,
        namespace: release.key.clone(),
        release_key: release.release_key.clone(),
        time: castalia_store::now(),
    }
}

/// The last record of each client and namespace, in the order of the first ones.
fn newest(batch: Vec<Sighting>) -> Vec<Sighting> {
    let mut kept: Vec<Sighting> = Vec::with_capacity(batch.len());
    let mut places: HashMap<(Identity, String, String), usize> = HashMap::new();
    for sighting in batch {
        let key = &sighting.namespace;
        let of = (sighting.identity.clone(), key.app_id.clone(), key.namespace.clone());
        match places.get(&of) {
            Some(place) => kept[*place] = sighting,
            None => {
                places.insert(of, kept.len());
                kept.push(sighting);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests;
