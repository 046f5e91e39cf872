//! What nobody has used gives way to what is restored: an app, a cluster or a namespace that was only
//! created has nothing to lose, and would keep the earlier one away.

use castalia_store::namespace::AppNamespace;
use castalia_store::removal::{Scope, lock_namespaces};
use castalia_store::restoration::unused;
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

/// Removes an app for an earlier one, and the definitions that the earlier one has as well. The
/// clusters give way when the earlier ones are shown.
pub(super) async fn remove_app(
    tx: &Transaction,
    present: &app::App,
    earlier: &[AppNamespace],
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
    let is_in_both =
        |row: &&AppNamespace| earlier.iter().any(|one| one.name.eq_ignore_ascii_case(&row.name));
    let definitions = castalia_store::namespace::app_namespaces(tx, app_id).await?;
    let definitions: Vec<Id> = definitions.iter().filter(is_in_both).map(|row| row.id).collect();
    unused::remove_definitions(tx, &definitions).await?;
    for id in definitions {
        removal.trail.deleted("AppNamespace", id);
    }
    unused::remove_app(tx, present.id).await?;
    removal.trail.deleted("App", present.id);
    Ok(())
}

/// Removes a cluster with its namespaces.
///
/// # Errors
/// Fails if one of them has been used.
pub(super) async fn remove_cluster(
    tx: &Transaction,
    present: &Cluster,
    removal: &mut Removal,
) -> Result<()> {
    let Cluster { app_id, name, .. } = present;
    if present.parent_cluster_id != Id(0) {
        let message = format!("cluster already exists for clusterName:{name}: it is a gray branch");
        return Err(Error::bad_request(message).with_code(Code::ClusterExists));
    }
    castalia_store::namespace::lock_cluster(tx, app_id, name).await?;
    for row in castalia_store::namespace::of_cluster(tx, app_id, name).await? {
        if !remove_namespace(tx, &row, removal).await? {
            let message = format!(
                "cluster already exists for clusterName:{name}, and its namespace {} has been used; delete it \
                 first to restore the earlier one",
                row.namespace_name
            );
            return Err(Error::bad_request(message).with_code(Code::ClusterExists));
        }
    }
    unused::remove_cluster(tx, present.id).await?;
    removal.trail.deleted("Cluster", present.id);
    Ok(())
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
