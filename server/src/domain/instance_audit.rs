//! Record of which running client read which release. Offered by the config role, written in batches off the request path; what does
//! not fit into the queue is dropped and counted, because no client may wait for a record.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::lookup::{Asked, Found};
use crate::background::Background;
use crate::error::Result;
use crate::feed::cache::Release;
use crate::server_config::ServerConfig;
use crate::store::instance::{Identity, Reading};
use crate::store::{self, Store, Transaction, instance};

/// Records of one transaction.
const BATCH: usize = 100;
/// Pause after a batch that could not be written.
const PAUSE: Duration = Duration::from_secs(1);
/// A client that still has what it had is recorded again after a day, so that readers can tell it from one that is gone.
const REPEAT: Duration = Duration::from_secs(24 * 3600);
/// Widths of the columns, in characters.
const APP_ID: usize = 64;
const NAME: usize = 32;
const DATA_CENTER: usize = 64;
const IP: usize = 32;

/// A client and a release that it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sighting {
    /// Of client and namespace.
    digest: u64,
    identity: Identity,
    release: Arc<Release>,
    time: DateTime<Utc>,
}

/// What was recorded last for a client and namespace.
#[derive(Debug, Clone)]
struct Recorded {
    release: Arc<Release>,
    /// By the steady clock: a jump of the other one must not make a client look gone.
    time: Instant,
}

/// Where the config role offers what it saw. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InstanceAudit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    config: ServerConfig,
    queue: Sender<Sighting>,
    /// Taken by the writer.
    offered: Mutex<Option<Receiver<Sighting>>>,
    /// By a digest of client and namespace; a stable client costs one look-up and no allocation.
    recorded: Cache<u64, Recorded>,
    digest: ahash::RandomState,
}

impl InstanceAudit {
    /// Takes offers from now on; they are written once [`InstanceAudit::run`] was called.
    #[must_use]
    pub fn new(store: Store, config: ServerConfig) -> Self {
        let size = |key, default| {
            usize::try_from(config.number(key, default, 10..=i64::MAX)).unwrap_or(usize::MAX)
        };
        let (queue, offered) = channel(size("instance.config.audit.max.size", 10_000));
        let recorded = Cache::new(size("instance.config.cache.max.size", 50_000));
        let offered = Mutex::new(Some(offered));
        let digest = ahash::RandomState::new();
        Self(Arc::new(Inner { store, config, queue, offered, recorded, digest }))
    }

    /// Starts the writer.
    pub fn run(&self, background: &Background) {
        let audit = self.clone();
        background.spawn("instance audit", move || audit.clone().write());
    }

    /// Offers what a client was given; returns at once.
    pub fn offer(&self, asked: &Asked<'_>, found: &Found) {
        let Asked { target, caller, .. } = asked;
        let Some(ip) = caller.ip.as_deref() else { return };
        let app_id = asked.app_id.unwrap_or(&target.app_id);
        let data_center = caller.data_center.as_deref().unwrap_or_default();
        for release in found.releases() {
            let of = (app_id, &target.cluster, data_center, ip);
            let digest = self.0.digest.hash_one((of, &release.key.app_id, &release.key.namespace));
            if self.0.recorded.get(&digest).is_some_and(|last| last.is_same(release)) {
                continue;
            }
            let identity = Identity {
                app_id: app_id.to_owned(),
                cluster: target.cluster.clone(),
                data_center: data_center.to_owned(),
                ip: ip.to_owned(),
            };
            if !fits(&identity) {
                continue;
            }
            let sighting =
                Sighting { digest, identity, release: Arc::clone(release), time: store::now() };
            if self.0.queue.try_send(sighting).is_err() {
                metrics::counter!("castalia_instance_records_dropped_total").increment(1);
                continue;
            }
            self.0
                .recorded
                .insert(digest, Recorded { release: Arc::clone(release), time: Instant::now() });
        }
    }

    async fn write(self) {
        let taken = self.0.offered.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut offered) = taken else { return };
        let mut batch = Vec::with_capacity(BATCH);
        while offered.recv_many(&mut batch, BATCH).await > 0 {
            let minutes = self.0.config.number(
                "instance.config.audit.time.threshold.minutes",
                10,
                5..=i64::MAX,
            );
            let settled = TimeDelta::try_minutes(minutes).unwrap_or(TimeDelta::MAX);
            let digests: Vec<_> = batch.iter().map(|sighting| sighting.digest).collect();
            let input = (newest(std::mem::take(&mut batch)), settled);
            let written: Result<()> = self
                .0
                .store
                .write(input, |tx, (batch, settled)| Box::pin(record(tx, batch, *settled)))
                .await;
            if let Err(error) = written {
                metrics::counter!("castalia_instance_batches_failed_total").increment(1);
                tracing::warn!(%error, "a batch of instance records is lost; its clients are recorded when they ask again");
                for digest in digests {
                    self.0.recorded.remove(&digest);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Recorded {
    fn is_same(&self, release: &Release) -> bool {
        self.time.elapsed() < REPEAT && self.release.release_key == release.release_key
    }
}

/// A value that its column cannot hold would lose the whole batch.
fn fits(identity: &Identity) -> bool {
    let short = |text: &str, width| text.chars().count() <= width;
    short(&identity.app_id, APP_ID)
        && short(&identity.cluster, NAME)
        && short(&identity.data_center, DATA_CENTER)
        && short(&identity.ip, IP)
}

/// The last sighting of each client and namespace, in the order of their first.
fn newest(batch: Vec<Sighting>) -> Vec<Sighting> {
    let mut kept: Vec<Sighting> = Vec::with_capacity(batch.len());
    let mut places: HashMap<(Identity, String, String), usize> = HashMap::new();
    for sighting in batch {
        let key = &sighting.release.key;
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

async fn record(tx: &Transaction, batch: &[Sighting], settled: TimeDelta) -> Result<()> {
    let Some(now) = batch.iter().map(|sighting| sighting.time).max() else { return Ok(()) };
    let identities: HashSet<_> = batch.iter().map(|sighting| sighting.identity.clone()).collect();
    let identities: Vec<_> = identities.into_iter().collect();
    let stored = instance::upsert(tx, &identities, now).await?;
    let ids: HashMap<Identity, store::Id> =
        stored.iter().map(|row| (Identity::from(row), row.id)).collect();
    let known =
        instance::configs_of_instances(tx, &ids.values().copied().collect::<Vec<_>>()).await?;
    let mut readings = Vec::new();
    let mut touched = Vec::new();
    for Sighting { identity, release, time, .. } in batch {
        let Some(id) = ids.get(identity).copied() else { continue };
        let row = known.iter().find(|row| {
            row.instance_id == Some(id)
                && row.config_app_id == release.key.app_id
                && row.config_namespace_name == release.key.namespace
        });
        match row {
            Some(row) if row.release_key == release.release_key => {
                if *time - row.data_change_last_time >= settled {
                    touched.push(row.id);
                }
            }
            _ => readings.push(reading(id, release, *time)),
        }
    }
    instance::record_readings(tx, &readings).await?;
    Ok(instance::touch_configs(tx, &touched, now).await?)
}

fn reading(instance_id: store::Id, release: &Release, time: DateTime<Utc>) -> Reading {
    Reading {
        instance_id,
        config_app_id: release.key.app_id.clone(),
        config_cluster: release.key.cluster.clone(),
        config_namespace: release.key.namespace.clone(),
        release_key: release.release_key.clone(),
        time,
    }
}

#[cfg(test)]
mod tests {
    use castalia_core::protocol::wire::Configurations;

    use super::*;
    use crate::feed::cache::NamespaceKey;

    fn sighting(ip: &str, release_key: &str) -> Sighting {
        let release = Release {
            id: 1,
            release_key: release_key.into(),
            key: NamespaceKey::new("demo", "default", "application"),
            configurations: Configurations::default(),
            digest: 0,
            is_rewritten: false,
        };
        let identity = Identity {
            app_id: "demo".into(),
            cluster: "default".into(),
            data_center: String::new(),
            ip: ip.into(),
        };
        Sighting { digest: 0, identity, release: Arc::new(release), time: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn of_one_client_the_last_sighting_of_a_batch_counts() {
        let kept = newest(vec![sighting("1", "a"), sighting("2", "a"), sighting("1", "b")]);
        let kept: Vec<_> =
            kept.iter().map(|s| (s.identity.ip.as_str(), s.release.release_key.as_str())).collect();
        assert_eq!(kept, [("1", "b"), ("2", "a")]);
    }

    #[test]
    fn an_address_that_its_column_cannot_hold_is_left_out() {
        assert!(fits(&sighting("2001:db8::1", "a").identity));
        assert!(!fits(&sighting("2001:0db8:0000:0000:0000:0000:0000:0001", "a").identity));
    }
}
