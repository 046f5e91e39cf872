//! Finds the clusters of an app with edits that no client sees yet.

use std::collections::{HashMap, HashSet};

use castalia_store::length::{self, Measured};
use castalia_store::release::LatestRelease;
use castalia_store::{Id, Store};
use chrono::{DateTime, Utc};
use indexmap::IndexMap;

use super::namespace::Namespace;
use super::{app, configurations};
use crate::error::Result;

/// Length of the values and releases that are compared at a time, in bytes, unless those of one
/// namespace have more.
const BATCH: u64 = 16 << 20;

/// For each cluster of an app, in the order of creation, whether any of its namespaces has
/// unpublished edits. Deleted items are not detected, as in Apollo.
///
/// # Errors
/// Fails if there is no such app.
pub async fn clusters(store: &Store, app_id: &str) -> Result<IndexMap<String, bool>> {
    if app::is_unique(store, app_id).await? {
        return Err(app::not_exists(app_id));
    }
    let db = store.read();
    let clusters = castalia_store::app::clusters(db, app_id).await?;
    let mut states: IndexMap<_, _> =
        clusters.into_iter().map(|cluster| (cluster.name, false)).collect();
    let mut namespaces = castalia_store::namespace::readable_of_app(db, app_id).await?;
    namespaces.retain(|namespace| states.contains_key(&namespace.cluster_name));
    let edited = edited(store, app_id, &namespaces).await?;
    for namespace in namespaces {
        if edited.contains(&namespace.id)
            && let Some(is_unpublished) = states.get_mut(&namespace.cluster_name)
        {
            *is_unpublished = true;
        }
    }
    Ok(states)
}

/// The namespaces with edits. Items that were edited after the latest release are compared with
/// it; before the first release, every item is an edit.
async fn edited(store: &Store, app_id: &str, namespaces: &[Namespace]) -> Result<HashSet<Id>> {
    let db = store.read();
    let latest = castalia_store::release::latest_of_app(db, app_id).await?;
    let latest: HashMap<_, _> =
        latest.iter().map(|row| ((row.cluster.as_str(), row.namespace.as_str()), row)).collect();
    let (mut never_published, mut releases) = (Vec::new(), HashMap::new());
    for namespace in namespaces {
        match latest.get(&(namespace.cluster_name.as_str(), namespace.namespace_name.as_str())) {
            Some(release) => drop(releases.insert(namespace.id, *release)),
            None => never_published.push(namespace.id),
        }
    }
    let found = castalia_store::item::namespaces_with_items(db, &never_published).await?;
    let mut edited: HashSet<_> = found.into_iter().collect();
    edited.extend(changed(store, &releases).await?);
    Ok(edited)
}

/// The namespaces with an item that differs from its value in their releases. Values and releases
/// of a few namespaces are in memory at a time.
async fn changed(store: &Store, releases: &HashMap<Id, &LatestRelease>) -> Result<Vec<Id>> {
    let db = store.read();
    let modified = castalia_store::item::modified_lengths(db, &times(releases)).await?;
    let ids = modified.iter().filter_map(|row| releases.get(&row.id)).map(|release| release.id);
    let contents = castalia_store::release::measured(db, &ids.collect::<Vec<_>>()).await?;
    let contents: HashMap<Id, u64> = contents.iter().map(|row| (row.id, row.bytes)).collect();
    let with_content = |row: &Measured| {
        let content = releases.get(&row.id).and_then(|release| contents.get(&release.id));
        Measured { bytes: row.bytes + content.copied().unwrap_or_default(), ..*row }
    };
    let modified: Vec<_> = modified.iter().map(with_content).collect();
    let mut changed = Vec::new();
    for batch in length::batches(&modified, BATCH) {
        let compared = batch.iter().filter_map(|row| Some((row.id, *releases.get(&row.id)?)));
        changed.extend(differing(store, &compared.collect()).await?);
    }
    Ok(changed)
}

async fn differing(store: &Store, releases: &HashMap<Id, &LatestRelease>) -> Result<Vec<Id>> {
    let db = store.read();
    let modified = castalia_store::item::modified_after(db, &times(releases)).await?;
    let ids: HashSet<_> = modified.iter().map(|item| item.namespace_id).collect();
    let ids: Vec<_> = ids.iter().filter_map(|id| releases.get(id)).map(|row| row.id).collect();
    let mut contents = HashMap::new();
    for release in castalia_store::release::by_ids(db, &ids).await? {
        contents.insert(release.id, configurations::parse(&release)?);
    }
    let is_published = |namespace_id: Id, key: &str, value: &str| {
        let content = releases.get(&namespace_id).and_then(|row| contents.get(&row.id));
        content.and_then(|content| content.get(key)).is_some_and(|known| known == value)
    };
    let changed = modified
        .iter()
        .filter(|item| !is_published(item.namespace_id, &item.key, &item.value))
        .map(|item| item.namespace_id);
    Ok(changed.collect())
}

/// When the releases were last written, by namespace.
fn times(releases: &HashMap<Id, &LatestRelease>) -> Vec<(Id, DateTime<Utc>)> {
    let time =
        |release: &LatestRelease| release.last_time.map_or(*release.created_time, |time| *time);
    releases.iter().map(|(id, release)| (*id, time(release))).collect()
}
