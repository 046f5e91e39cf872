//! What nobody has used is replaced by what is restored: an app, a cluster or a namespace that was
//! only created has nothing to lose, and would keep the earlier one away.

use castalia_store::removal::{Scope, lock_namespaces};
use castalia_store::restoration::{DeletedRows, unused};
use castalia_store::{Connection, Id, Transaction};

use crate::domain::cluster::Cluster;
use crate::domain::namespace::{self, Namespace, key_of};
use crate::domain::removal::Removal;
use crate::domain::{app, branch};
use crate::error::{Code, Error, Result};

/// Whether the app gives way.
pub(super) async fn is_app(db: &impl Connection, app_id: &str) -> Result<bool> {
    Ok(!unused::is_app_used(db, app_id).await?)
}

/// Removes an app for an earlier one. What it has remains: its clusters give way when the earlier
/// ones are shown.
///
/// # Errors
/// Fails if it has been used.
pub(super) async fn remove_app(
    tx: &Transaction,
    present: &app::App,
    removal: &mut Removal,
) -> Result<()> {
    let app_id = &present.app_id;
    lock_namespaces(tx, Scope::of_app(app_id)).await?;
    if !is_app(tx, app_id).await? {
        let message = format!(
            "app already exists for appId:{app_id}, and has been used; delete it first to restore the earlier one"
        );
        return Err(Error::bad_request(message).with_code(Code::AppExists));
    }
    unused::remove_app(tx, present.id).await?;
    removal.trail.deleted("App", present.id);
    Ok(())
}

/// Removes a cluster for an earlier one, with its namespaces that the earlier one had as well.
///
/// # Errors
/// Fails if one of them has been used, or has a branch.
pub(super) async fn remove_cluster(
    tx: &Transaction,
    present: &Cluster,
    earlier: &DeletedRows,
    removal: &mut Removal,
) -> Result<()> {
    let Cluster { app_id, name, .. } = present;
    castalia_store::namespace::lock_cluster(tx, app_id, name).await?;
    let is_earlier = |row: &Namespace| {
        let mut of_cluster = earlier.namespaces.iter().filter(|one| one.cluster_name == *name);
        of_cluster.any(|one| one.namespace_name.eq_ignore_ascii_case(&row.namespace_name))
    };
    for row in castalia_store::namespace::of_cluster(tx, app_id, name).await? {
        if is_earlier(&row) && !remove_namespace(tx, &row, removal).await? {
            let problem = format!("its namespace {} has been used", row.namespace_name);
            return Err(cluster_exists(name, &problem));
        }
    }
    let branches = castalia_store::app::child_clusters(tx, present.id).await?;
    if present.parent_cluster_id != Id(0) || !branches.is_empty() {
        return Err(cluster_exists(name, "a gray release uses it"));
    }
    unused::remove_cluster(tx, present.id).await?;
    removal.trail.deleted("Cluster", present.id);
    Ok(())
}

fn cluster_exists(name: &str, problem: &str) -> Error {
    let message = format!(
        "cluster already exists for clusterName:{name}, and {problem}; delete it first to restore the \
         earlier one"
    );
    Error::bad_request(message).with_code(Code::ClusterExists)
}

/// Removes a namespace. Returns false if it has been used.
pub(super) async fn remove_namespace(
    tx: &Transaction,
    present: &Namespace,
    removal: &mut Removal,
) -> Result<bool> {
    let present = namespace::find_locked(tx, &key_of(present)).await?;
    let relatives = branch::Family::of(tx, &present).await?.relatives();
    if relatives.branch.is_some() || !unused::remove_namespace(tx, &present).await? {
        return Ok(false);
    }
    castalia_store::namespace::delete_lock(tx, present.id).await?;
    removal.trail.deleted("Namespace", present.id);
    Ok(true)
}
