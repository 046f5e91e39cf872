//! Queries: the releases that clients of many namespaces receive, in one statement.

use sea_orm::sea_query::{Condition, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use crate::entity::release::{Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_unset;
use crate::length;
use crate::number::Id;
use crate::row::{Standard, decode};
use crate::time::StoredTime;

/// The newest release of a namespace, without its content.
#[derive(Clone, Debug)]
pub struct LatestRelease {
    pub id: Id,
    pub cluster: String,
    pub namespace: String,
    pub created_time: StoredTime<Entity>,
    pub last_time: Option<StoredTime<Entity>>,
}

/// The releases that clients of the namespaces of a cluster receive.
pub async fn latest_of_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<Vec<Model>, StoreError> {
    decode::all(db, of_cluster(app_id, cluster)).await
}

/// The length of the contents of these releases together, in bytes.
pub async fn length_of_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<u64, StoreError> {
    length::sum(db, of_cluster(app_id, cluster), Column::Configurations).await
}

fn of_cluster(app_id: &str, cluster: &str) -> Select<Entity> {
    let of_cluster =
        Condition::all().add(Column::AppId.eq(app_id)).add(Column::ClusterName.eq(cluster));
    Entity::live().filter(Column::Id.in_subquery(newest(of_cluster)))
}

/// The same for all clusters and branches of an app, without the content, and without rows that
/// cannot be decoded.
pub async fn latest_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<LatestRelease>, StoreError> {
    let of_app = Condition::all().add(Column::AppId.eq(app_id));
    let latest = Entity::live()
        .filter(Column::Id.in_subquery(newest(of_app)))
        .select_only()
        .columns([Column::Id, Column::ClusterName, Column::NamespaceName])
        .columns([Column::DataChangeCreatedTime, Column::DataChangeLastTime]);
    let rows = readable::read(db, latest).await?;
    let form = |(id, cluster, namespace, created_time, last_time)| LatestRelease {
        id,
        cluster,
        namespace,
        created_time,
        last_time,
    };
    Ok(rows.map(form).readable)
}

/// Ids of the newest releases that were not rolled back.
fn newest(condition: Condition) -> SelectStatement {
    Entity::live()
        .filter(condition)
        .filter(is_unset(Column::IsAbandoned.into_expr()))
        .select_only()
        .column_as(Column::Id.max(), "Newest")
        .group_by(Column::ClusterName)
        .group_by(Column::NamespaceName)
        .into_query()
}
