//! Records which running client read which release. The config role offers records, and a task
//! writes them in batches outside the request path. Records that do not fit into the queue are
//! dropped and counted, because no client may wait for a record.
//!
//! Clients identify themselves without proof. Therefore only valid addresses are recorded, only for
//! apps that are stored, and only as many as [`super::instance_bounds`] allows.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_core::protocol::namespace::{NO_APP_ID, is_no_app_id};
use castalia_store::instance::{Identity, Reading};
use castalia_store::{Store, Transaction, instance};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::constraint::{self, can_be_stored};
use super::instance_bounds::{NAMESPACES, Room};
use super::lookup::{LookupRequest, LookupResult};
use crate::background::Background;
use crate::error::{Reaction, Result};
use crate::feed::cache::{NamespaceKey, Release};
use crate::server_config::{ServerConfig, keys};

/// Records per transaction.
const BATCH: usize = 100;
/// Pause after a batch that could not be written.
const PAUSE: Duration = Duration::from_secs(1);
/// A client whose release does not change is recorded again after a day, so that readers can
/// distinguish it from one that has stopped.
const REPEAT: Duration = Duration::from_secs(24 * 3600);
/// Widths of the columns, in characters.
const DATA_CENTER: usize = 64;
const IP: usize = 32;

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
}

/// Receives the records of the config role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InstanceAudit(Arc<AuditInner>);

#[derive(Debug)]
struct AuditInner {
    store: Store,
    config: ServerConfig,
    queue: Sender<Sighting>,
    /// Taken by the writer.
    offered: Mutex<Option<Receiver<Sighting>>>,
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
        let offered = Mutex::new(Some(offered));
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
            if self.0.recorded.get(&digest).is_some_and(|last| last.is_same(key)) {
                continue;
            }
            let Some(identity) = identity(asked) else { return };
            let sighting = sighting(digest, identity, release);
            if self.0.queue.try_send(sighting).is_err() {
                metrics::counter!("castalia_instance_records_dropped_total").increment(1);
                continue;
            }
            self.0.recorded.insert(digest, LastRecord { release: key, time: Instant::now() });
        }
    }

    /// Records every client with its next request, as if it had not been recorded before.
    pub fn record_all_again(&self) {
        self.0.recorded.clear();
    }

    async fn write(self) {
        let taken = self.0.offered.lock().take();
        let Some(mut offered) = taken else { return };
        let mut batch = Vec::with_capacity(BATCH);
        let mut room = Room::default();
        while offered.recv_many(&mut batch, BATCH).await > 0 {
            let digests: Vec<_> = batch.iter().map(|sighting| sighting.digest).collect();
            if let Err(error) =
                self.write_batch(&mut room, newest(std::mem::take(&mut batch))).await
            {
                metrics::counter!("castalia_instance_batches_failed_total").increment(1);
                tracing::warn!(%error, "cannot write a batch of instance records; its clients are recorded again with their next requests");
                for digest in digests {
                    self.0.recorded.remove(&digest);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Writes the records that the limits admit. A batch that the database rejects is written row
    /// by row, so that one unexpected row does not lose the others.
    async fn write_batch(&self, room: &mut Room, batch: Vec<Sighting>) -> Result<()> {
        let batch = self.admitted(room, batch).await?;
        if batch.is_empty() {
            return Ok(());
        }
        match self.record(room, batch.clone()).await {
            Err(error) if batch.len() > 1 && error.reaction() != Reaction::Unavailable => {
                let mut lost = 0;
                for sighting in batch {
                    lost += u64::from(self.record(room, vec![sighting]).await.is_err());
                }
                metrics::counter!("castalia_instance_records_dropped_total").increment(lost);
                tracing::warn!(%error, lost, "the database rejected some instance records; they are dropped");
                Ok(())
            }
            done => done,
        }
    }

    /// The batch without new instances beyond the limits.
    async fn admitted(&self, room: &mut Room, mut batch: Vec<Sighting>) -> Result<Vec<Sighting>> {
        let AuditInner { store, config, .. } = &*self.0;
        let all: HashSet<_> = batch.iter().map(|sighting| sighting.identity.clone()).collect();
        let all: Vec<_> = all.into_iter().collect();
        let stored = instance::find(store.read(), &all).await?;
        let mut kept: HashSet<_> = stored.iter().map(Identity::from).collect();
        let new = all.into_iter().filter(|identity| !kept.contains(identity)).collect();
        kept.extend(room.admit(store, config, new).await?);
        let before = batch.len();
        batch.retain(|sighting| kept.contains(&sighting.identity));
        let dropped = (before - batch.len()) as u64;
        metrics::counter!("castalia_instance_records_dropped_total").increment(dropped);
        Ok(batch)
    }

    async fn record(&self, room: &mut Room, batch: Vec<Sighting>) -> Result<()> {
        let AuditInner { store, config, .. } = &*self.0;
        let settled = config.get(&keys::INSTANCE_THRESHOLD);
        let settled = TimeDelta::from_std(settled).unwrap_or(TimeDelta::MAX);
        let input = (batch, settled, room.has_reading(config));
        let write = store.write(input, |tx, (batch, settled, has_room)| {
            Box::pin(record(tx, batch, *settled, *has_room))
        });
        room.add_readings(write.await?);
        Ok(())
    }
}

impl LastRecord {
    fn is_same(self, release: u64) -> bool {
        self.time.elapsed() < REPEAT && self.release == release
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
        && short(&identity.ip, IP)
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

/// Writes a batch; returns the number of new rows of what instances read. Inserts no new rows
/// unless `has_room`.
async fn record(
    tx: &Transaction,
    batch: &[Sighting],
    settled: TimeDelta,
    has_room: bool,
) -> Result<u64> {
    let Some(now) = batch.iter().map(|sighting| sighting.time).max() else { return Ok(0) };
    let identities: HashSet<_> = batch.iter().map(|sighting| sighting.identity.clone()).collect();
    let identities: Vec<_> = identities.into_iter().collect();
    let stored = instance::upsert(tx, &identities, now).await?;
    let ids: HashMap<Identity, castalia_store::Id> =
        stored.iter().map(|row| (Identity::from(row), row.id)).collect();
    let known =
        instance::configs_of_instances(tx, &ids.values().copied().collect::<Vec<_>>()).await?;
    let mut held: HashMap<castalia_store::Id, usize> = HashMap::new();
    for id in known.iter().filter_map(|row| row.instance_id) {
        *held.entry(id).or_default() += 1;
    }
    let (mut readings, mut touched, mut new) = (Vec::new(), Vec::new(), 0);
    for sighting in batch {
        let Some(id) = ids.get(&sighting.identity).copied() else { continue };
        let row = known.iter().find(|row| {
            row.instance_id == Some(id)
                && row.config_app_id == sighting.namespace.app_id
                && row.config_namespace_name == sighting.namespace.namespace
        });
        match row {
            Some(row) if row.release_key == sighting.release_key => {
                if sighting.time - *row.data_change_last_time >= settled {
                    touched.push(row.id);
                }
            }
            Some(_) => readings.push(reading(id, sighting)),
            None => {
                let held = held.entry(id).or_default();
                if has_room && *held < NAMESPACES {
                    *held += 1;
                    new += 1;
                    readings.push(reading(id, sighting));
                }
            }
        }
    }
    instance::record_readings(tx, &readings).await?;
    instance::touch_configs(tx, &touched, now).await?;
    Ok(new)
}

fn reading(instance_id: castalia_store::Id, sighting: &Sighting) -> Reading {
    let key = &sighting.namespace;
    Reading {
        instance_id,
        config_app_id: key.app_id.clone(),
        config_cluster: key.cluster.clone(),
        config_namespace: key.namespace.clone(),
        release_key: sighting.release_key.clone(),
        time: sighting.time,
    }
}

#[cfg(test)]
mod tests;
