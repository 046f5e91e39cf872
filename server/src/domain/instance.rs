//! Instances: which running clients read which release. Config services write the rows; here they
//! are only read.

pub use castalia_store::instance::{Instance, InstanceConfig};

use std::collections::{HashMap, HashSet};

use castalia_store::app::Cluster;
use castalia_store::instance::ConfigNamespace;
use castalia_store::{Id, Store};
use chrono::{DateTime, TimeDelta, Utc};

use super::namespace::NamespaceKey;
use super::page::{Page, Paged};
use super::release::{self, Release};
use crate::error::Result;

/// Rows that are older are ignored: clients without changes are recorded once a day.
const LIFE: TimeDelta = TimeDelta::hours(25);

/// A client and the releases that it read.
#[derive(Debug, Clone)]
pub struct InstanceReads {
    /// The client.
    pub instance: Instance,
    /// What it read, with the release if that was requested and still exists.
    pub configs: Vec<(InstanceConfig, Option<Release>)>,
}

fn alive_since() -> DateTime<Utc> {
    castalia_store::now() - LIFE
}

pub(super) fn read_by(key: &NamespaceKey) -> ConfigNamespace<'_> {
    ConfigNamespace { app_id: &key.app_id, cluster: &key.cluster, namespace: &key.namespace }
}

/// A page of the clients that have a release.
///
/// # Errors
/// Fails if there is no such release.
pub async fn by_release(
    store: &Store,
    release_id: i64,
    page: &Page,
) -> Result<Paged<InstanceReads>> {
    let release = release::find(store, release_id).await?;
    let key = &release.release_key;
    let configs =
        castalia_store::instance::configs_by_release_key(store.read(), key, alive_since(), page)
            .await?;
    Ok(Paged { total: configs.total, rows: readers(store, configs.rows, &HashMap::new()).await? })
}

/// The clients of a namespace that have none of the given releases, at most as many as the limit;
/// the releases that they have are returned without configurations.
///
/// # Errors
/// Fails if none of the releases is known.
pub async fn without_releases(
    store: &Store,
    key: &NamespaceKey,
    release_ids: &[i64],
    limit: Option<u64>,
) -> Result<Vec<InstanceReads>> {
    let releases = release::without_values(store, release_ids).await?;
    if releases.is_empty() {
        let ids: Vec<_> = release_ids.iter().map(i64::to_string).collect();
        return Err(release::not_found(ids.join(",")));
    }
    let keys: Vec<_> = releases.into_iter().map(|release| release.release_key).collect();
    let since = alive_since();
    let configs = castalia_store::instance::configs_without_releases(
        store.read(),
        read_by(key),
        since,
        &keys,
        limit,
    )
    .await?;
    let mut other_keys: Vec<_> = configs.iter().map(|config| config.release_key.clone()).collect();
    other_keys.sort_unstable();
    other_keys.dedup();
    let others = castalia_store::release::by_keys(store.read(), &other_keys).await?;
    let others = others.into_iter().map(|release| (release.release_key.clone(), release)).collect();
    readers(store, configs, &others).await
}

/// A page of the clients of a namespace, or only of those of one app.
pub async fn of_namespace(
    store: &Store,
    key: &NamespaceKey,
    app_id: Option<&str>,
    page: &Page,
) -> Result<Paged<Instance>> {
    let (db, since) = (store.read(), alive_since());
    let configs =
        castalia_store::instance::configs_of_namespace(db, read_by(key), since, app_id, page)
            .await?;
    let rows = castalia_store::instance::by_ids(db, &instance_ids(&configs.rows)).await?;
    Ok(Paged { total: configs.total, rows })
}

/// Number of clients that read a namespace.
pub async fn count(store: &Store, key: &NamespaceKey) -> Result<u64> {
    Ok(castalia_store::instance::count_of_namespace(store.read(), read_by(key), alive_since())
        .await?)
}

/// Number of clients that read a namespace of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterReaders {
    /// Cluster.
    pub cluster: String,
    /// Clients of the main line.
    pub main: i64,
    /// Clients of the gray branch.
    pub branch: i64,
}

/// Numbers of clients that read a namespace, for each cluster of its app.
pub async fn count_by_cluster(
    store: &Store,
    app_id: &str,
    namespace: &str,
) -> Result<Vec<ClusterReaders>> {
    let db = store.read();
    let clusters = castalia_store::app::clusters_with_branches(db, app_id).await?;
    let namesakes = castalia_store::namespace::named(db, app_id, namespace).await?;
    let namesakes: HashSet<_> = namesakes.iter().map(|row| row.cluster_name.as_str()).collect();
    let counts =
        castalia_store::instance::counts_by_cluster(db, app_id, namespace, alive_since()).await?;
    let counts: HashMap<String, i64> = counts.into_iter().collect();
    let count = |cluster: &str| counts.get(cluster).copied().unwrap_or_default();
    let is_main = |cluster: &&Cluster| cluster.parent_cluster_id == Id(0);
    let readers = clusters.iter().filter(is_main).map(|cluster| {
        let is_branch = |other: &&Cluster| {
            other.parent_cluster_id == cluster.id && namesakes.contains(other.name.as_str())
        };
        // A cluster without this namespace has no branch of it.
        let branch = clusters.iter().find(is_branch);
        let branch = branch.filter(|_| namesakes.contains(cluster.name.as_str()));
        ClusterReaders {
            main: count(&cluster.name),
            branch: branch.map_or(0, |branch| count(&branch.name)),
            cluster: cluster.name.clone(),
        }
    });
    Ok(readers.collect())
}

fn instance_ids(configs: &[InstanceConfig]) -> Vec<Id> {
    let mut ids: Vec<_> = configs.iter().filter_map(|config| config.instance_id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Combines what was read with the clients that read it.
async fn readers(
    store: &Store,
    configs: Vec<InstanceConfig>,
    releases: &HashMap<String, Release>,
) -> Result<Vec<InstanceReads>> {
    let instances = castalia_store::instance::by_ids(store.read(), &instance_ids(&configs)).await?;
    let mut by_instance: HashMap<Id, Vec<_>> = HashMap::new();
    for config in configs {
        let Some(id) = config.instance_id else { continue };
        let release = releases.get(&config.release_key).cloned();
        by_instance.entry(id).or_default().push((config, release));
    }
    let reader = |instance: Instance| InstanceReads {
        configs: by_instance.remove(&instance.id).unwrap_or_default(),
        instance,
    };
    Ok(instances.into_iter().map(reader).collect())
}
