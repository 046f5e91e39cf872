//! Deletes whole apps, clusters and definitions. Everything that clients and operators can see is
//! deleted in one transaction of few statements, whatever the number of namespaces, so that the
//! deletion is atomic and other transactions wait only briefly. Items, which can no longer be
//! reached, are deleted afterwards in portions. Items that remain after a crash are deleted after
//! the next start.

use std::time::Duration;

use castalia_store::removal::Scope;
use castalia_store::{Deletion, Id, Store, Transaction};

use super::audit::Trail;
use super::cluster::Cluster;
use super::gray_rule;
use super::namespace::{self, key_of};
use crate::error::{Error, Result};

/// Namespaces whose items are deleted in one transaction.
const PORTION: usize = 50;
/// Namespaces that are read per statement to search for remaining items.
const LOOK: u64 = 500;
/// Pause before the search for remaining items continues after an error. It doubles with each error
/// in a row, up to the longest.
const RETRY: Duration = Duration::from_secs(60);
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// The rows that a deleting transaction has to write last.
#[derive(Debug)]
pub(super) struct Removal {
    /// Who removes, and the time by which the rows are found again.
    pub(super) deletion: Deletion,
    /// The audit rows.
    pub(super) trail: Trail,
    /// Watch keys whose clients have to be woken.
    pub(super) watch_keys: Vec<String>,
}

impl Removal {
    pub(super) fn by(operator: &str) -> Self {
        Self::with(Trail::of(Some(operator)), operator)
    }

    /// The same in a transaction that has written audit rows already.
    pub(super) fn with(trail: Trail, operator: &str) -> Self {
        Self { deletion: Deletion::by(operator), trail, watch_keys: Vec::new() }
    }

    /// Runs the last statements of the transaction. A message receives its id here: the shorter the
    /// time until the commit, the shorter scans have to look for an id that is not visible yet.
    pub(super) async fn finish(self, tx: &Transaction) -> Result<()> {
        self.trail.write(tx).await?;
        Ok(castalia_store::message::insert_all(tx, &self.watch_keys).await?)
    }
}

/// Deletes the scope in a locked app, which consists of these clusters and branches with all of
/// their namespaces, or of the namespaces with one name. Returns the namespaces, whose items the
/// caller has to delete with [`finish_items`].
pub(super) async fn delete_scope(
    tx: &Transaction,
    scope: Scope<'_>,
    clusters: &[Cluster],
    removal: &mut Removal,
) -> Result<Vec<Id>> {
    castalia_store::removal::lock_namespaces(tx, scope).await?;
    delete_locked(tx, scope, clusters, removal).await
}

/// Same as [`delete_scope`] with locked namespaces.
async fn delete_locked(
    tx: &Transaction,
    scope: Scope<'_>,
    clusters: &[Cluster],
    removal: &mut Removal,
) -> Result<Vec<Id>> {
    // No namespace can be added any more: that requires the lock of the app, and for branches the
    // lock of their namespace.
    let namespaces = castalia_store::removal::namespaces(tx, scope).await?;
    let ids: Vec<_> = namespaces.iter().map(|namespace| namespace.id).collect();
    castalia_store::removal::hide(tx, scope, &removal.deletion).await?;
    castalia_store::namespace::delete_locks(tx, &ids).await?;
    for namespace in &namespaces {
        removal.trail.deleted("Namespace", namespace.id);
        if !namespace.cluster_name.is_empty() && !namespace.namespace_name.is_empty() {
            removal.watch_keys.push(key_of(namespace).watch_key());
        }
    }
    for cluster in clusters {
        removal.trail.deleted("Cluster", cluster.id);
    }
    Ok(ids)
}

/// Deletes the namespaces with this name in all clusters of a locked app, and their branches.
/// Returns the namespaces, whose items the caller has to delete with [`finish_items`].
pub(super) async fn delete_definition(
    tx: &Transaction,
    app_id: &str,
    name: &str,
    removal: &mut Removal,
) -> Result<Vec<Id>> {
    let scope = Scope::of_definition(app_id, name);
    castalia_store::removal::lock_namespaces(tx, scope).await?;
    // Under the locks: a change of rules that has begun stores further ones.
    let rules = castalia_store::release::active_rules_named(tx, app_id, name).await?;
    let ids = delete_locked(tx, scope, &[], removal).await?;
    gray_rule::close_removed(tx, &rules, removal.deletion.operator()).await?;
    for id in castalia_store::removal::hide_branches(tx, &ids, &removal.deletion).await? {
        removal.trail.deleted("Cluster", id);
    }
    Ok(ids)
}

/// Deletes the items of deleted namespaces. An error is only logged, because the namespaces are
/// already deleted and the next start continues.
pub(super) async fn finish_items(store: &Store, namespaces: Vec<Id>) {
    if let Err(error) = delete_items(store, &namespaces).await {
        tracing::warn!(%error, namespaces = namespaces.len(),
            "cannot delete the items of deleted namespaces; they are unreachable, and the next start deletes them");
    }
}

/// Deletes the items that remained when an earlier process ended. Walks over all namespaces, because
/// a search for such items would read both tables as a whole, usually in vain.
pub(super) async fn resume(store: Store) {
    let (mut position, mut pause) = (Id(0), RETRY);
    loop {
        match remove_left_items(&store, position).await {
            Ok(Some(last)) => (position, pause) = (last, RETRY),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, after = position.0, pause_seconds = pause.as_secs(),
                    "cannot delete the items of namespaces that were deleted before the start; they are unreachable; retrying");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_RETRY);
            }
        }
    }
}

/// Deletes the items of those of the next namespaces that are deleted. Returns the id of the last of
/// these namespaces; `None` if there are no more.
pub async fn remove_left_items(store: &Store, position: Id) -> Result<Option<Id>> {
    let next = castalia_store::removal::namespaces_after(store.read(), position, LOOK).await?;
    let Some(next) = next else { return Ok(None) };
    for portion in next.deleted.chunks(PORTION) {
        let left = castalia_store::item::namespaces_with_items(store.read(), portion).await?;
        delete_items(store, &left).await?;
    }
    Ok(Some(next.last))
}

async fn delete_items(store: &Store, namespaces: &[Id]) -> Result<()> {
    for portion in namespaces.chunks(PORTION) {
        store
            .write(portion.to_vec(), |tx, ids| {
                Box::pin(async move {
                    Ok::<_, Error>(castalia_store::removal::hide_items(tx, ids).await?)
                })
            })
            .await?;
    }
    Ok(())
}

/// Locks the parents of the namespaces of a branch.
pub(super) async fn lock_parents(tx: &Transaction, branch: &Cluster) -> Result<()> {
    for namespace in castalia_store::namespace::of_cluster(tx, &branch.app_id, &branch.name).await?
    {
        namespace::lock(tx, &key_of(&namespace)).await?;
    }
    Ok(())
}
