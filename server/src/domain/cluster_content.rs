//! The content of all namespaces of a cluster, in a number of queries that does not depend on the
//! number of namespaces: drafts, the releases that clients receive, and the items that were deleted
//! since.

use std::collections::{HashMap, HashSet};

use castalia_store::{Id, Store};

use super::commit;
use super::configurations;
use super::item::Item;
use super::namespace;
use super::page::check_length;
use super::release::Release;
use crate::error::Result;
use crate::server_config::{ServerConfig, keys};

/// The content of a namespace.
#[derive(Debug, Clone)]
pub struct NamespaceContent {
    /// Name of the namespace.
    pub namespace: String,
    /// Items of the draft, in the order of their lines.
    pub items: Vec<Item>,
    /// The release that clients receive.
    pub release: Option<Release>,
    /// Items that were deleted since that release, newest first; only if it has a key that the
    /// draft lacks.
    pub deleted: Vec<Item>,
    /// Whether it has a gray release.
    pub is_gray: bool,
    /// User who edits it, if others may not meanwhile.
    pub locked_by: Option<String>,
}

/// The content of the namespaces of a cluster; of an unknown cluster none. Releases, deleted items,
/// gray releases and locks are read only `with_releases`.
///
/// # Errors
/// Fails if the namespaces have too much for one answer.
pub async fn of_cluster(
    store: &Store,
    config: &ServerConfig,
    (app_id, cluster): (&str, &str),
    with_releases: bool,
) -> Result<Vec<NamespaceContent>> {
    let db = store.read();
    let namespaces = namespace::list(store, app_id, cluster).await?;
    let ids: Vec<Id> = namespaces.iter().map(|namespace| namespace.id).collect();
    check_length(castalia_store::item::length_in_namespaces(db, &ids).await?)?;
    let mut items: HashMap<Id, Vec<Item>> = HashMap::new();
    for item in castalia_store::item::readable_of_namespaces(db, &ids).await? {
        items.entry(item.namespace_id).or_default().push(item);
    }
    let mut releases = HashMap::new();
    if with_releases {
        check_length(castalia_store::release::length_of_cluster(db, app_id, cluster).await?)?;
        let latest = castalia_store::release::latest_of_cluster(db, app_id, cluster).await?;
        releases.extend(latest.into_iter().map(|row| (row.namespace_name.clone(), row)));
    }
    let mut gray = HashSet::new();
    let mut locks = HashMap::new();
    if with_releases {
        gray.extend(gray_names(store, app_id, cluster).await?);
    }
    if with_releases && config.get(&keys::EDIT_LOCK) {
        let found = castalia_store::namespace::locks(db, &ids).await?;
        locks.extend(found.into_iter().map(|row| (row.namespace_id, row.data_change_created_by)));
    }
    let content = namespaces.into_iter().map(|namespace| NamespaceContent {
        items: items.remove(&namespace.id).unwrap_or_default(),
        release: releases.remove(&namespace.namespace_name),
        is_gray: gray.contains(&namespace.namespace_name),
        locked_by: locks.remove(&namespace.id),
        namespace: namespace.namespace_name,
        deleted: Vec::new(),
    });
    let mut contents: Vec<_> = content.collect();
    add_deleted(store, app_id, cluster, &mut contents).await?;
    Ok(contents)
}

/// Names of the namespaces that have a branch.
async fn gray_names(store: &Store, app_id: &str, cluster: &str) -> Result<Vec<String>> {
    let db = store.read();
    let Some(parent) = castalia_store::app::cluster(db, app_id, cluster).await? else {
        return Ok(Vec::new());
    };
    let branches = castalia_store::app::child_clusters(db, parent.id).await?;
    let names: Vec<_> = branches.into_iter().map(|branch| branch.name).collect();
    Ok(castalia_store::namespace::names_in_clusters(db, app_id, &names).await?)
}

async fn add_deleted(
    store: &Store,
    app_id: &str,
    cluster: &str,
    contents: &mut [NamespaceContent],
) -> Result<()> {
    let times: Vec<_> = contents
        .iter()
        .filter(|content| lacks_a_key(content))
        .filter_map(|content| Some((content.namespace.as_str(), content.release.as_ref()?)))
        .map(|(namespace, release)| (namespace, *release.data_change_created_time))
        .collect();
    let mut deleted: HashMap<String, Vec<Item>> = HashMap::new();
    for (namespace, item) in commit::deleted_since(store, app_id, cluster, &times).await? {
        deleted.entry(namespace).or_default().push(item);
    }
    for content in contents {
        content.deleted = deleted.remove(&content.namespace).unwrap_or_default();
    }
    Ok(())
}

/// Whether clients receive a key that the draft does not have.
fn lacks_a_key(content: &NamespaceContent) -> bool {
    let Some(Ok(released)) = content.release.as_ref().map(configurations::parse) else {
        return false;
    };
    let drafted: HashSet<_> = content.items.iter().map(|item| item.key.as_str()).collect();
    released.keys().any(|key| !drafted.contains(key.as_str()))
}
