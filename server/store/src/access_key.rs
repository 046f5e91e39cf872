//! Queries: access keys of apps. Their maximum number and their use for signing are not known here.

pub mod unsigned;

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::entity::access_key::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::page;
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard, now, soft_delete};

pub use crate::entity::access_key::{Model as AccessKey, Row as AccessKeyRow};

/// Keys whose ids are compared. Transactions commit out of id order, so a new key may have a smaller
/// id than the last one.
const NEWEST: u64 = 100;

/// What shows whether keys were created, changed or deleted since they were last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Whether a key was changed within the times that were asked about.
    pub is_any_recent: bool,
    /// Ids of the newest keys, newest first. New keys may have old times, which callers chose.
    pub newest: Vec<Id>,
}

/// Looks for changes, in one statement. Callers must subtract from the time of their last read what
/// the clocks of nodes differ, a transaction lasts and a table rounds: some store whole seconds
/// only; and add to the present what clocks differ.
pub async fn changes_within(
    db: &impl ConnectionTrait,
    times: &RangeInclusive<DateTime<Utc>>,
) -> Result<Changes, StoreError> {
    // Not `live()`, because hiding a row is also a change.
    let recent = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DataChangeLastTime.between(*times.start(), *times.end()));
    let newest = Entity::find()
        .select_only()
        .column(Column::Id)
        .expr_as(Expr::exists(recent.into_query()), "IsAnyRecent")
        .order_by_desc(Column::Id)
        .limit(NEWEST);
    let found: Vec<(Id, bool)> = newest.into_tuple().all(db).await?;
    let is_any_recent = found.first().is_some_and(|(_, is_any_recent)| *is_any_recent);
    Ok(Changes { is_any_recent, newest: found.into_iter().map(|(id, _)| id).collect() })
}

/// The app's keys by id, for a list: rows that cannot be decoded are omitted.
pub async fn of_app(db: &impl ConnectionTrait, app_id: &str) -> Result<Vec<Model>, StoreError> {
    let keys = Entity::live().filter(Column::AppId.eq(app_id)).order_by_asc(Column::Id);
    readable::models(db, keys).await
}

pub async fn count_of_app(db: &impl ConnectionTrait, app_id: &str) -> Result<u64, StoreError> {
    page::count(db, Entity::live().filter(Column::AppId.eq(app_id))).await
}

/// The key with this id if it belongs to the app; locked until the end of the transaction.
pub async fn find_locked(
    db: &impl ConnectionTrait,
    app_id: &str,
    id: Id,
) -> Result<Option<Model>, StoreError> {
    let key = Entity::live_by_id(id).filter(Column::AppId.eq(app_id)).lock_exclusive();
    decode::one(db, key).await
}

/// Whether the key with this id, if it belongs to the app, is enabled, or cannot be decoded in this
/// column; locked until the end of the transaction. The secret is not needed to remove a key.
pub async fn find_enabled_locked(
    db: &impl ConnectionTrait,
    app_id: &str,
    id: Id,
) -> Result<Option<bool>, StoreError> {
    let key = Entity::live_by_id(id).filter(Column::AppId.eq(app_id)).lock_exclusive();
    let key = key.select_only().column(Column::IsEnabled);
    let row = db.query_one_raw(key.build(db.get_database_backend())).await?;
    Ok(row.map(|row| row.try_get_by(0).unwrap_or(true)))
}

/// Fails with [`StoreError::Duplicate`] if the app has a key with this secret.
pub async fn insert(
    db: &impl ConnectionTrait,
    row: AccessKeyRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Writes the differences between two states of a key; returns whether there are any.
pub async fn update(
    db: &impl ConnectionTrait,
    old: &Model,
    new: &Model,
) -> Result<bool, StoreError> {
    row::update(db, old, new).await
}

/// Disables a key, whatever the rest of its row holds.
pub async fn disable(
    db: &impl ConnectionTrait,
    id: Id,
    operator: Option<&str>,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::IsEnabled, Expr::value(false))
        .col_expr(Column::Mode, Expr::value(Small(0)))
        .col_expr(Column::DataChangeLastModifiedBy, Expr::value(operator))
        .col_expr(Column::DataChangeLastTime, Expr::value(now()))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Hides the key; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, operator: &str) -> Result<bool, StoreError> {
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}

/// Hides all keys of the app; returns their ids.
pub async fn delete_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
    by: &Deletion,
) -> Result<Vec<Id>, StoreError> {
    let ids = Entity::live().filter(Column::AppId.eq(app_id)).select_only().column(Column::Id);
    let ids: Vec<Id> = ids.into_tuple().all(db).await?;
    by.hide::<Entity>(db, Condition::all().add(Column::AppId.eq(app_id))).await?;
    Ok(ids)
}
