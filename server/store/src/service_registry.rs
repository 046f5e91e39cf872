//! Queries: addresses of services with their heartbeats.
//! The caller passes every time: nodes that share the table agree on a time zone, which is not
//! known here.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, Statement,
};

use crate::entity::service_registry::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::insert;

/// Records a heartbeat of the service at this address, and inserts it if it is new. `metadata` is a
/// JSON object of strings.
pub async fn heartbeat(
    db: &impl ConnectionTrait,
    service: &str,
    uri: &str,
    cluster: &str,
    metadata: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let seen = Entity::update_many()
        .col_expr(Column::Cluster, Expr::value(cluster))
        .col_expr(Column::Metadata, Expr::value(metadata))
        .col_expr(Column::DataChangeLastTime, Expr::value(now))
        .filter(Column::ServiceName.eq(service))
        .filter(Column::Uri.eq(uri))
        .exec(db)
        .await?;
    if seen.rows_affected == 0 {
        let row = ActiveModel {
            service_name: Set(service.to_owned()),
            uri: Set(uri.to_owned()),
            cluster: Set(cluster.to_owned()),
            metadata: Set(metadata.to_owned()),
            data_change_created_time: Set(now.into()),
            data_change_last_time: Set(now.into()),
            ..ActiveModel::default()
        };
        insert(db, row).await?;
    }
    Ok(())
}

/// A service: id, name, address, cluster and metadata.
pub type Service = (Id, String, String, String, String);

/// Services of the cluster with a heartbeat later than this time, by id. A row that cannot be
/// decoded is omitted.
pub async fn alive(
    db: &impl ConnectionTrait,
    cluster: &str,
    since: DateTime<Utc>,
) -> Result<Vec<Service>, StoreError> {
    let columns = [Column::Id, Column::ServiceName, Column::Uri, Column::Cluster, Column::Metadata];
    let services = Entity::find()
        .filter(Column::Cluster.eq(cluster))
        .filter(Column::DataChangeLastTime.gt(since))
        .order_by_asc(Column::Id)
        .select_only()
        .columns(columns);
    Ok(readable::read(db, services).await?.readable)
}

pub async fn remove(db: &impl ConnectionTrait, service: &str, uri: &str) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::ServiceName.eq(service))
        .filter(Column::Uri.eq(uri))
        .exec(db)
        .await?;
    Ok(())
}

/// Offset of the database's own time zone from UTC. Sessions of this server are in UTC; those of
/// other programs need not be.
pub async fn zone_offset_seconds(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    const SQL: &str = "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), \
        CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', @@global.time_zone)) AS Seconds";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), SQL)).await?;
    let seconds: Option<i64> = row.map(|row| row.try_get("", "Seconds")).transpose()?.flatten();
    Ok(seconds.unwrap_or_default())
}

/// Removes services whose last heartbeat is older than this time.
pub async fn remove_older(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::DataChangeLastTime.lt(before)).exec(db).await?;
    Ok(())
}
