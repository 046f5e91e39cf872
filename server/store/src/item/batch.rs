//! Writes many items of one namespace in few statements.

use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel};

use super::{Item, ItemRow};
use crate::condition::chunks;
use crate::entity::item::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::batch::{self, Place, pieces};
use crate::row::{Authorship, now, soft_delete};

/// Columns that an edit may change.
const EDITED: [Column; 6] = [
    Column::Type,
    Column::Value,
    Column::Comment,
    Column::LineNum,
    Column::DataChangeLastModifiedBy,
    Column::DataChangeLastTime,
];

/// Inserts items of a namespace, and returns them in this order.
pub async fn insert_all(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    rows: Vec<(ItemRow, Authorship)>,
) -> Result<Vec<Item>, StoreError> {
    let rows = rows.into_iter().map(|(row, author)| ActiveModel::of(row, author)).collect();
    let within = Condition::all().add(Column::NamespaceId.eq(namespace_id));
    batch::insert_all(db, rows, &Place { within, names: &[Column::Key] }).await
}

/// Writes the new states of existing items, each of which is contained once. An item without
/// differences is not touched and keeps its time.
pub async fn update_all(
    db: &impl ConnectionTrait,
    changes: impl IntoIterator<Item = (Item, Item)>,
) -> Result<(), StoreError> {
    let changed: Vec<_> = changes
        .into_iter()
        .filter(|(old, new)| old != new)
        .map(|(_, new)| Item { data_change_last_time: Some(now().into()), ..new })
        .map(|item| item.into_active_model().reset_all())
        .collect();
    for piece in pieces(&changed, batch::bytes) {
        // Every row exists, so that nothing is inserted: no engine has another statement that
        // writes different values to many rows.
        let mut replace = OnConflict::column(Column::Id);
        replace.update_columns(EDITED);
        Entity::insert_many(piece.iter().cloned())
            .on_conflict(replace)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Hides the items; returns how many existed.
pub async fn delete_all(
    db: &impl ConnectionTrait,
    ids: &[Id],
    operator: &str,
) -> Result<u64, StoreError> {
    let mut hidden = 0;
    for chunk in chunks(ids) {
        hidden += soft_delete::<Entity>(db, Column::Id.is_in(chunk), operator).await?;
    }
    Ok(hidden)
}
