//! Queries: addresses of services with their heartbeats.
//! The caller passes every time: nodes that share the table agree on a time zone, which is not
//! known here.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use crate::clock;
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

/// The shared time, and the difference from it of the times in a table whose nodes have clocks of
/// this UTC offset. MySQL interprets the local time that a Java node writes in its own time zone,
/// which may change while nodes run, as with daylight saving. Sessions of this server are in UTC.
pub async fn time_and_shift(
    db: &impl ConnectionTrait,
    zone: FixedOffset,
) -> Result<(DateTime<Utc>, TimeDelta), StoreError> {
    const SHIFT: &str = "shift_seconds";
    let (offset, backend) = (i64::from(zone.local_minus_utc()), db.get_database_backend());
    if backend != DbBackend::MySql {
        return Ok((clock::shared_time(db).await?, TimeDelta::seconds(offset)));
    }
    let shift = format!(
        "TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), \
         CONVERT_TZ(UTC_TIMESTAMP() + INTERVAL {offset} SECOND, @@global.time_zone, '+00:00'))"
    );
    let mut query = Query::select();
    query.expr_as(Expr::cust(shift), SHIFT);
    if let Some((time, name)) = clock::column(backend) {
        query.expr_as(time, name);
    }
    let row = db.query_one(&query).await?;
    let row = row.ok_or_else(|| StoreError::other("the database returns no time"))?;
    let seconds: Option<i64> = row.try_get("", SHIFT)?;
    Ok((clock::of(&row), TimeDelta::seconds(seconds.unwrap_or(offset))))
}

/// Removes services whose last heartbeat is older than this time.
pub async fn remove_older(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    Entity::delete_many().filter(Column::DataChangeLastTime.lt(before)).exec(db).await?;
    Ok(())
}
