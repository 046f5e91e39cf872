//! Restorations in any order. What belongs to two objects that were deleted one after the other is
//! restored with the one that is restored last, and what was deleted on its own with neither: no
//! empty namespace takes its place.

use std::collections::BTreeSet;

use castalia_store::namespace::AppNamespace;
use castalia_store::removal::Scope;
use castalia_store::restoration::{self, Reassigned, When, hidden_of_app};
use castalia_store::{Connection, Deletion, Id, Transaction};

use super::{DeletedKind, listed, since};
use crate::domain::cluster;
use crate::domain::namespace::{self, Namespace};
use crate::domain::removal::Removal;
use crate::error::Result;

/// The places of an app whose namespace was deleted on its own and can be restored.
pub(super) struct DeletedAlone(Vec<[String; 2]>);

impl DeletedAlone {
    pub(super) async fn of_app(tx: &Transaction, app_id: &str) -> Result<Self> {
        let hidden = hidden_of_app(tx, app_id, When::Since(since())).await?;
        let clusters = hidden.clusters.clone();
        let alone = listed(hidden).into_iter().filter(|one| {
            one.kind == DeletedKind::Namespace
                && !is_of_deleted_cluster(&clusters, &one.cluster, one.at)
        });
        Ok(Self(alone.map(|one| [one.cluster, one.namespace]).collect()))
    }

    pub(super) fn contains(&self, cluster: &str, namespace: &str) -> bool {
        self.0
            .iter()
            .any(|[in_cluster, name]| in_cluster == cluster && name.eq_ignore_ascii_case(namespace))
    }
}

/// Whether a namespace that was deleted at this time belonged to one of these clusters, which are
/// deleted: to an earlier cluster of the same name than the present one.
fn is_of_deleted_cluster(clusters: &[cluster::Cluster], name: &str, at: i64) -> bool {
    clusters
        .iter()
        .filter(|row| row.name == name)
        .any(|row| (row.data_change_created_time.timestamp_millis()..=row.deleted_at).contains(&at))
}

/// Of these namespaces, which were deleted with their definition, those whose cluster was deleted
/// afterwards would have been deleted with it: they are hidden with the time of the cluster, whose
/// restoration shows them. Returns their ids.
pub(super) async fn follow_clusters(
    tx: &Transaction,
    hidden: &[&Namespace],
    (app_id, name): (&str, &str),
    at: i64,
) -> Result<BTreeSet<Id>> {
    let moved = restoration::with_clusters_hidden_later(tx, hidden).await?;
    let clusters: Vec<&str> = moved.iter().map(|one| one.cluster.as_str()).collect();
    // What another program deleted would come back in part.
    if moved.is_empty()
        || restoration::is_scattered(tx, Scope::of_namespace(app_id, &clusters, name), at).await?
    {
        return Ok(BTreeSet::new());
    }
    restoration::reassign(tx, (app_id, name), at, &moved).await?;
    Ok(moved.into_iter().map(|Reassigned { id, .. }| id).collect())
}

/// The counterpart in a cluster that was restored: a definition that was deleted after it would
/// have deleted its namespace too, which is hidden with the time of the definition.
pub(super) async fn follow_definitions(
    tx: &Transaction,
    (app_id, cluster): (&str, &str),
    at: i64,
    operator: &str,
    removal: &mut Removal,
) -> Result<()> {
    let rows = castalia_store::namespace::of_cluster(tx, app_id, cluster).await?;
    let defined = defined(tx, app_id, &rows).await?;
    let hidden = restoration::hidden_definitions(tx, app_id, When::Since(at)).await?;
    for row in rows {
        let name = &row.namespace_name;
        if defined.contains(&name.to_ascii_lowercase()) {
            continue;
        }
        let definition: Option<&AppNamespace> = hidden.iter().find(|one| one.name == *name);
        let time = match definition.map(|one| one.deleted_at) {
            Some(time) if !was_hidden(tx, &row, time).await? => Some(time),
            _ => None,
        };
        let now = removal.deletion.clone();
        if let Some(time) = time {
            removal.deletion = Deletion::at(operator, time);
        }
        namespace::delete_in(tx, &row, removal).await?;
        removal.deletion = now;
    }
    Ok(())
}

/// Names of the namespaces that the app or a public definition of another one declares, in lower
/// case: the database decides whether two spellings are one name, and what it may find is kept.
async fn defined(
    db: &impl Connection,
    app_id: &str,
    namespaces: &[Namespace],
) -> Result<BTreeSet<String>> {
    let own = castalia_store::namespace::app_namespace_names(db, app_id).await?;
    let names: Vec<&str> = namespaces.iter().map(|row| row.namespace_name.as_str()).collect();
    let public = castalia_store::namespace::public_app_namespaces_named(db, &names).await?;
    let public = public.into_iter().map(|row| row.name);
    Ok(own.into_iter().chain(public).map(|name| name.to_ascii_lowercase()).collect())
}

/// Whether a namespace with these names was deleted at this time.
async fn was_hidden(tx: &Transaction, row: &Namespace, at: i64) -> Result<bool> {
    let hidden = hidden_of_app(tx, &row.app_id, When::At(at)).await?;
    Ok(hidden.namespaces.iter().any(|other| {
        other.cluster_name == row.cluster_name && other.namespace_name == row.namespace_name
    }))
}
