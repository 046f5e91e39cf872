//! Queries: clusters, and branches, which are clusters with a parent.

use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::entity::cluster::{Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::{Standard, soft_delete};

/// `ParentClusterId` of a cluster that is not a branch.
const NO_PARENT: Id = Id(0);

/// The cluster or branch with this name.
pub async fn cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let cluster = Entity::live().filter(Column::AppId.eq(app_id)).filter(Column::Name.eq(name));
    Ok(cluster.one(db).await?)
}

pub async fn cluster_by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Model>, StoreError> {
    Ok(Entity::live_by_id(id).one(db).await?)
}

/// Whether the app has a branch with this name, even if other columns of its row cannot be decoded.
pub async fn is_branch(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let parent = Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::Name.eq(name))
        .select_only()
        .column(Column::ParentClusterId);
    let parent: Option<Id> = parent.into_tuple().one(db).await?;
    Ok(parent.is_some_and(|parent| parent != NO_PARENT))
}

/// The app's clusters without branches, by id.
pub async fn clusters(db: &impl ConnectionTrait, app_id: &str) -> Result<Vec<Model>, StoreError> {
    Ok(without_branches(app_id).all(db).await?)
}

/// The same for a list, without rows that cannot be decoded.
pub async fn readable_clusters(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<Model>, StoreError> {
    readable::models(db, without_branches(app_id)).await
}

fn without_branches(app_id: &str) -> Select<Entity> {
    Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::ParentClusterId.eq(NO_PARENT))
        .order_by_asc(Column::Id)
}

/// The app's clusters and branches, by id.
pub async fn clusters_with_branches(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<Model>, StoreError> {
    let clusters = Entity::live().filter(Column::AppId.eq(app_id)).order_by_asc(Column::Id);
    Ok(clusters.all(db).await?)
}

/// The branches of a cluster, by id.
pub async fn child_clusters(
    db: &impl ConnectionTrait,
    parent: Id,
) -> Result<Vec<Model>, StoreError> {
    let branches =
        Entity::live().filter(Column::ParentClusterId.eq(parent)).order_by_asc(Column::Id);
    Ok(branches.all(db).await?)
}

/// Hides the cluster; returns whether it existed.
pub async fn delete_cluster(
    db: &impl ConnectionTrait,
    id: Id,
    operator: &str,
) -> Result<bool, StoreError> {
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}
