//! Finds the clusters of an app with edits that no client sees yet.

use castalia_store::Store;
use indexmap::IndexMap;

use super::namespace::{Namespace, key_of};
use super::{app, configurations, release};
use crate::error::Result;

/// For each cluster of an app, in the order of creation, whether any of its namespaces has
/// unpublished edits. Deleted items are not detected, as in Apollo.
///
/// # Errors
/// Fails if there is no such app.
pub async fn clusters(store: &Store, app_id: &str) -> Result<IndexMap<String, bool>> {
    if app::is_unique(store, app_id).await? {
        return Err(app::not_exists(app_id));
    }
    let mut states = IndexMap::new();
    for cluster in castalia_store::app::clusters(store.read(), app_id).await? {
        let mut is_unpublished = false;
        let namespaces =
            castalia_store::namespace::readable_of_cluster(store.read(), app_id, &cluster.name)
                .await?;
        for namespace in namespaces {
            if has_edits(store, &namespace).await? {
                is_unpublished = true;
                break;
            }
        }
        states.insert(cluster.name, is_unpublished);
    }
    Ok(states)
}

/// Items that were edited after the latest release are compared with it; before the first release,
/// every item is an edit.
async fn has_edits(store: &Store, namespace: &Namespace) -> Result<bool> {
    let db = store.read();
    let Some(latest) = release::latest(db, &key_of(namespace)).await? else {
        return Ok(castalia_store::item::count(db, namespace.id).await? > 0);
    };
    let since = latest.data_change_last_time.unwrap_or(latest.data_change_created_time);
    let edited = castalia_store::item::modified_after(db, namespace.id, *since).await?;
    let content = configurations::parse(&latest)?;
    Ok(edited.iter().any(|item| content.get(&item.key) != Some(&item.value)))
}
