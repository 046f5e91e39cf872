//! Queries: instances, and what they read, that are old. The time of an instance is that of its
//! insertion or of a later read. At which age they are removed is not known here.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::condition::chunks;
use crate::entity::{instance, instance_config};
use crate::error::StoreError;
use crate::number::Id;

/// Rows of what was read that were last changed before a time, oldest first.
pub async fn old_configs(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Id>, StoreError> {
    use instance_config::{Column, Entity};
    let old = Entity::find().select_only().column(Column::Id);
    let old = old.filter(Column::DataChangeLastTime.lt(before));
    let old = old.order_by_asc(Column::DataChangeLastTime).limit(limit);
    Ok(old.into_tuple().all(db).await?)
}

/// Instances after an id whose time is before this one.
pub async fn old_ids(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
    after: Id,
    limit: u64,
) -> Result<Vec<Id>, StoreError> {
    use instance::{Column, Entity};
    let old = Entity::find().select_only().column(Column::Id).filter(Column::Id.gt(after));
    let old = old.filter(Column::DataChangeLastTime.lt(before));
    Ok(old.order_by_asc(Column::Id).limit(limit).into_tuple().all(db).await?)
}

/// Sets the times of instances to those of the last rows of what they read, if these are later.
pub async fn renew(db: &impl ConnectionTrait, ids: &[Id]) -> Result<(), StoreError> {
    use instance::{Column, Entity};
    let time = Expr::col((instance_config::Entity, instance_config::Column::DataChangeLastTime));
    let last = reads().expr(time.max()).take();
    for chunk in chunks(ids) {
        Entity::update_many()
            .col_expr(Column::DataChangeLastTime, last.clone().into())
            .filter(Column::Id.is_in(chunk))
            .filter(Expr::col((Entity, Column::DataChangeLastTime)).lt(last.clone()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Removes those of the instances whose time is before this one and that have no rows of what they
/// read.
pub async fn delete_unread(
    db: &impl ConnectionTrait,
    ids: &[Id],
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    use instance::{Column, Entity};
    let any = reads().expr(Expr::val(1)).take();
    let mut removed = 0;
    for chunk in chunks(ids) {
        let portion = Entity::delete_many()
            .filter(Column::Id.is_in(chunk))
            .filter(Column::DataChangeLastTime.lt(before))
            .filter(Expr::exists(any.clone()).not());
        removed += portion.exec(db).await?.rows_affected;
    }
    Ok(removed)
}

/// The rows of what the instance of an enclosing statement reads.
fn reads() -> SelectStatement {
    let of_instance = Expr::col((instance_config::Entity, instance_config::Column::InstanceId))
        .equals((instance::Entity, instance::Column::Id));
    Query::select().from(instance_config::Entity).and_where(of_instance).take()
}
