//! Deletes whole apps and clusters. All that clients and operators can see goes in one transaction
//! of few statements, whatever the number of namespaces, so that nobody sees half of it and others
//! are not kept waiting. Items, which nobody can reach then, go afterwards in portions; what a crash
//! leaves behind goes after the next start.

use std::time::Duration;

use super::audit::Trail;
use super::cluster::Cluster;
use super::namespace::{self, key_of};
use crate::error::{Error, Result};
use crate::store::removal::Scope;
use crate::store::{self, Id, Store, Transaction};

/// Namespaces whose items are deleted in one transaction.
const PORTION: usize = 50;
/// Pause before what a crash may have left behind is looked for again after an error.
const RETRY: Duration = Duration::from_secs(60);

/// What a transaction that deletes namespaces has to write last.
#[derive(Debug)]
pub(super) struct Removal {
    /// Who deleted what.
    pub(super) trail: Trail,
    /// Whose clients are to be woken.
    pub(super) watch_keys: Vec<String>,
}

impl Removal {
    pub(super) fn by(operator: &str) -> Self {
        Self { trail: Trail::of(Some(operator)), watch_keys: Vec::new() }
    }

    /// Last statements of the transaction: a message gets its id here, and the shorter the time
    /// until the commit, the less a scan has to remember an id that it could not see.
    pub(super) async fn finish(self, tx: &Transaction) -> Result<()> {
        self.trail.write(tx).await?;
        Ok(store::message::insert_all(tx, &self.watch_keys).await?)
    }
}

/// Deletes clusters and branches of an app that is locked, with all of their namespaces; returns the
/// namespaces, whose items are left to [`finish_items`].
pub(super) async fn delete_clusters(
    tx: &Transaction,
    scope: Scope<'_>,
    clusters: &[Cluster],
    operator: &str,
    removal: &mut Removal,
) -> Result<Vec<Id>> {
    store::removal::lock_namespaces(tx, scope).await?;
    // Nothing can be added any more: namespaces need the lock of the app, branches that of their
    // namespace.
    let namespaces = store::removal::namespaces(tx, scope).await?;
    let ids: Vec<_> = namespaces.iter().map(|namespace| namespace.id).collect();
    store::removal::hide(tx, scope, operator).await?;
    store::namespace::delete_locks(tx, &ids).await?;
    for namespace in &namespaces {
        removal.trail.deleted("Namespace", namespace.id);
        removal.watch_keys.push(key_of(namespace).watch_key());
    }
    for cluster in clusters {
        removal.trail.deleted("Cluster", cluster.id);
    }
    Ok(ids)
}

/// Deletes the items of deleted namespaces. An error is logged: the namespaces are deleted all the
/// same, and the next start goes on.
pub(super) async fn finish_items(store: &Store, namespaces: Vec<Id>) {
    if let Err(error) = delete_items(store, &namespaces).await {
        tracing::warn!(%error, namespaces = namespaces.len(),
            "cannot delete the items of deleted namespaces; nobody can reach them, and the next start deletes them");
    }
}

/// Deletes the items that an earlier process left behind.
pub(super) async fn resume(store: Store) {
    loop {
        match left_behind(&store).await {
            Ok(()) => return,
            Err(error) => {
                tracing::debug!(%error, "cannot look for items of deleted namespaces; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn left_behind(store: &Store) -> Result<()> {
    loop {
        let namespaces = store::removal::with_items(store.read(), PORTION as u64).await?;
        if namespaces.is_empty() {
            return Ok(());
        }
        delete_items(store, &namespaces).await?;
    }
}

async fn delete_items(store: &Store, namespaces: &[Id]) -> Result<()> {
    for portion in namespaces.chunks(PORTION) {
        store
            .write(portion.to_vec(), |tx, ids| {
                Box::pin(async move { Ok::<_, Error>(store::removal::hide_items(tx, ids).await?) })
            })
            .await?;
    }
    Ok(())
}

/// Locks what the namespaces of a branch are branches of.
pub(super) async fn lock_parents(tx: &Transaction, branch: &Cluster) -> Result<()> {
    for namespace in store::namespace::of_cluster(tx, &branch.app_id, &branch.name).await? {
        namespace::lock(tx, &key_of(&namespace)).await?;
    }
    Ok(())
}
