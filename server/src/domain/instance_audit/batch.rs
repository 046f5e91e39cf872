//! Writes a batch of records: the rows of instances and of what they read.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use castalia_store::instance::{Identity, Instance, Reading};
use castalia_store::{Id, Transaction, instance};
use chrono::TimeDelta;

use super::Sighting;
use crate::domain::instance_bounds::NAMESPACES;
use crate::error::Result;

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Number of new rows of what instances read.
    pub(super) new: u64,
    /// Digests of records that were left out.
    pub(super) dropped: Vec<u64>,
}

/// Writes a batch. Inserts no new rows of what instances read unless `has_room`.
pub(super) async fn record(
    tx: &Transaction,
    batch: &[Sighting],
    settled: TimeDelta,
    has_room: bool,
) -> Result<Written> {
    let Some(now) = batch.iter().map(|sighting| sighting.time).max() else {
        return Ok(Written::default());
    };
    let identities: HashSet<_> = batch.iter().map(|sighting| sighting.identity.clone()).collect();
    let identities: Vec<_> = identities.into_iter().collect();
    let stored = instance::upsert(tx, &identities, now).await?;
    let (found, mut dropped) = by_instance(batch, &stored);
    let ids: HashSet<Id> = found.iter().map(|(id, _)| *id).collect();
    let known = instance::configs_of_instances(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let mut held: HashMap<Id, usize> = HashMap::new();
    for id in known.iter().filter_map(|row| row.instance_id) {
        *held.entry(id).or_default() += 1;
    }
    let (mut readings, mut touched, mut new) = (Vec::new(), Vec::new(), 0);
    for (id, sighting) in found {
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
                } else {
                    dropped.push(sighting.digest);
                }
            }
        }
    }
    instance::record_readings(tx, &readings).await?;
    instance::touch_configs(tx, &touched, now).await?;
    Ok(Written { new, dropped })
}

/// The last record of each stored instance and namespace, and the digests of those whose instance
/// was not found. MySQL ignores case, so the row of an instance may have another spelling.
fn by_instance<'b>(
    batch: &'b [Sighting],
    stored: &[Instance],
) -> (Vec<(Id, &'b Sighting)>, Vec<u64>) {
    let exact: HashMap<Identity, Id> =
        stored.iter().map(|row| (Identity::from(row), row.id)).collect();
    let spelled: HashMap<Identity, Id> =
        exact.iter().map(|(identity, id)| (without_case(identity), *id)).collect();
    let mut found: Vec<(Id, &Sighting)> = Vec::with_capacity(batch.len());
    let mut dropped = Vec::new();
    let mut places = HashMap::new();
    for sighting in batch {
        let identity = &sighting.identity;
        let id = exact.get(identity).or_else(|| spelled.get(&without_case(identity)));
        let Some(id) = id.copied() else {
            dropped.push(sighting.digest);
            continue;
        };
        let key = &sighting.namespace;
        match places.entry((id, key.app_id.as_str(), key.namespace.as_str())) {
            // Two spellings of one instance.
            Entry::Occupied(place) => found[*place.get()] = (id, sighting),
            Entry::Vacant(place) => {
                place.insert(found.len());
                found.push((id, sighting));
            }
        }
    }
    (found, dropped)
}

/// The instance in a spelling that all spellings which differ in case have in common.
pub(super) fn without_case(identity: &Identity) -> Identity {
    Identity {
        app_id: identity.app_id.to_lowercase(),
        cluster: identity.cluster.to_lowercase(),
        data_center: identity.data_center.to_lowercase(),
        ip: identity.ip.clone(),
    }
}

fn reading(instance_id: Id, sighting: &Sighting) -> Reading {
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
