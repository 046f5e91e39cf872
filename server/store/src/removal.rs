//! Queries: hide everything that belongs to an app or to some of its clusters, in few statements
//! whatever its size. The order of the steps is not known here.

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
};

use crate::condition::chunks;
use crate::entity::{
    cluster, commit, gray_release_rule, instance_config, item, namespace, release, release_history,
};
use crate::error::StoreError;
use crate::flag::is_set;
use crate::namespace::lock_where;
use crate::number::Id;
use crate::row::decode;
use crate::row::{InNamespace, Standard, soft_delete, soft_remove};

/// An app with all or some of its clusters and branches.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    app_id: &'a str,
    clusters: Option<&'a [&'a str]>,
}

impl<'a> Scope<'a> {
    /// The whole app, including namespaces whose cluster does not exist.
    pub fn of_app(app_id: &'a str) -> Self {
        Self { app_id, clusters: None }
    }

    /// These clusters and branches.
    pub fn of_clusters(app_id: &'a str, clusters: &'a [&'a str]) -> Self {
        Self { app_id, clusters: Some(clusters) }
    }

    fn within<C: ColumnTrait>(self, app_id: C, cluster: C) -> Condition {
        let all = Condition::all().add(app_id.eq(self.app_id));
        match self.clusters {
            Some(clusters) => all.add(cluster.is_in(clusters.iter().copied())),
            None => all,
        }
    }

    fn of<E: InNamespace>(self) -> Condition {
        let [app_id, cluster, _] = E::PLACE;
        self.within(app_id, cluster)
    }
}

/// Locks the namespaces, oldest first.
pub async fn lock_namespaces(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
) -> Result<(), StoreError> {
    lock_where(db, scope.of::<namespace::Entity>()).await
}

/// The namespaces by id, to be removed: names that cannot be decoded are empty.
pub async fn namespaces(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
) -> Result<Vec<namespace::Model>, StoreError> {
    let found = namespace::Entity::live().filter(scope.of::<namespace::Entity>());
    decode::all_repaired(db, found.order_by_asc(namespace::Column::Id)).await
}

/// Hides clusters, namespaces, releases, gray rules, history and commits, and removes the records
/// of their readers. Items are kept: they belong to a namespace by its id, which is never reused.
pub async fn hide(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    operator: &str,
) -> Result<(), StoreError> {
    use instance_config::Column as Read;
    soft_delete::<release::Entity>(db, scope.of::<release::Entity>(), operator).await?;
    soft_remove::<gray_release_rule::Entity>(db, scope.of::<gray_release_rule::Entity>()).await?;
    soft_delete::<release_history::Entity>(db, scope.of::<release_history::Entity>(), operator)
        .await?;
    soft_delete::<commit::Entity>(db, scope.of::<commit::Entity>(), operator).await?;
    let read = scope.within(Read::ConfigAppId, Read::ConfigClusterName);
    instance_config::Entity::delete_many().filter(read).exec(db).await?;
    soft_delete::<namespace::Entity>(db, scope.of::<namespace::Entity>(), operator).await?;
    let clusters = scope.within(cluster::Column::AppId, cluster::Column::Name);
    soft_delete::<cluster::Entity>(db, clusters, operator).await?;
    Ok(())
}

/// Some deleted namespaces that still have items.
pub async fn with_items(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Id>, StoreError> {
    let to_namespace = item::Entity::belongs_to(namespace::Entity)
        .from(item::Column::NamespaceId)
        .to(namespace::Column::Id)
        .into();
    let found = item::Entity::live()
        .join(JoinType::InnerJoin, to_namespace)
        .filter(is_set(namespace::Column::IsDeleted.into_expr()))
        .select_only()
        .column(item::Column::NamespaceId)
        .distinct()
        .limit(limit);
    Ok(found.into_tuple().all(db).await?)
}

/// Hides the items of these namespaces; their last editor is kept.
pub async fn hide_items(db: &impl ConnectionTrait, namespaces: &[Id]) -> Result<(), StoreError> {
    for chunk in chunks(namespaces) {
        soft_remove::<item::Entity>(db, item::Column::NamespaceId.is_in(chunk)).await?;
    }
    Ok(())
}
