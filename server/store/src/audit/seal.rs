//! Queries: the seals of the audit log, and the rows that they cover. How digests are computed and
//! compared is not known here.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::entity::castalia_audit_seal::{Column, Entity, Model};
use crate::entity::{audit_log, audit_log_data_influence as influence};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::decode;

pub use crate::entity::castalia_audit_seal::Model as AuditSeal;

/// The seal with the highest number.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().order_by_desc(Column::Number).limit(1).one(db).await?)
}

/// Seals with a higher number, in their order.
pub async fn after(
    db: &impl ConnectionTrait,
    number: Id,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let seals = Entity::find().filter(Column::Number.gt(number)).order_by_asc(Column::Number);
    Ok(seals.limit(limit).all(db).await?)
}

/// The oldest seals that were made before a time, in their order, without their records.
pub async fn oldest_before(
    db: &impl ConnectionTrait,
    time: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<(Id, Id, Id)>, StoreError> {
    let seals = Entity::find().filter(Column::SealedTime.lt(time)).order_by_asc(Column::Number);
    let seals = seals.select_only().column(Column::Number);
    let seals = seals.columns([Column::LastLogId, Column::LastInfluenceId]).limit(limit);
    Ok(seals.into_tuple().all(db).await?)
}

/// Fails with a duplicate if another node inserted a seal with this number.
pub async fn insert(db: &impl ConnectionTrait, seal: Model) -> Result<(), StoreError> {
    let row = seal.into_active_model().reset_all();
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The highest ids of both tables.
pub async fn newest_ids(db: &impl ConnectionTrait) -> Result<(Id, Id), StoreError> {
    let log =
        audit_log::Entity::find().select_only().column_as(audit_log::Column::Id.max(), "Last");
    let log: Option<Option<Id>> = log.into_tuple().one(db).await?;
    let of_influence = influence::Entity::find().select_only();
    let of_influence = of_influence.column_as(influence::Column::Id.max(), "Last");
    let of_influence: Option<Option<Id>> = of_influence.into_tuple().one(db).await?;
    Ok((log.flatten().unwrap_or_default(), of_influence.flatten().unwrap_or_default()))
}

/// Operations with an id above the first and up to the second. Columns that cannot be decoded are
/// empty: no row may be missing.
pub async fn logs(
    db: &impl ConnectionTrait,
    (after, up_to): (Id, Id),
    limit: u64,
) -> Result<Vec<audit_log::Model>, StoreError> {
    use audit_log::{Column, Entity};
    let rows = Entity::find().filter(Column::Id.gt(after)).filter(Column::Id.lte(up_to));
    decode::all_repaired(db, rows.order_by_asc(Column::Id).limit(limit)).await
}

/// The same for the fields that operations changed.
pub async fn influences(
    db: &impl ConnectionTrait,
    (after, up_to): (Id, Id),
    limit: u64,
) -> Result<Vec<influence::Model>, StoreError> {
    use influence::{Column, Entity};
    let rows = Entity::find().filter(Column::Id.gt(after)).filter(Column::Id.lte(up_to));
    decode::all_repaired(db, rows.order_by_asc(Column::Id).limit(limit)).await
}

/// Removes the rows up to a seal, and all seals before it. The seal itself remains without its
/// records, as the start of the chain. Returns false if another node did this before.
pub async fn remove_up_to(
    db: &impl ConnectionTrait,
    (number, log, of_influence): (Id, Id, Id),
) -> Result<bool, StoreError> {
    let cleared = Entity::update_many()
        .col_expr(Column::Records, Expr::value(""))
        .filter(Column::Number.eq(number))
        .filter(Column::Records.ne(""))
        .exec(db)
        .await?;
    if cleared.rows_affected == 0 {
        return Ok(false);
    }
    Entity::delete_many().filter(Column::Number.lt(number)).exec(db).await?;
    audit_log::Entity::delete_many().filter(audit_log::Column::Id.lte(log)).exec(db).await?;
    let old = influence::Column::Id.lte(of_influence);
    influence::Entity::delete_many().filter(old).exec(db).await?;
    Ok(true)
}
