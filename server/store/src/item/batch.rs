//! Writes many items of one namespace in few statements.

use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Set};

use super::{Item, ItemRow};
use crate::condition::chunks;
use crate::entity::item::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::batch::{self, pieces};
use crate::row::{Authorship, soft_delete};

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
    batch::insert_all(db, rows, &within, &[Column::Key]).await
}

/// Writes the new states of existing items, each of which is contained once. An item without
/// differences is not touched and keeps its time.
pub async fn update_all(
    db: &impl ConnectionTrait,
    changes: impl IntoIterator<Item = (Item, Item)>,
) -> Result<(), StoreError> {
    let changed = changes.into_iter().filter(|(old, new)| old != new);
    let changed: Vec<_> = changed.map(|(_, new)| replacement(new)).collect();
    for piece in pieces(&changed, batch::bytes) {
        let mut replace = OnConflict::column(Column::Id);
        replace.update_columns(EDITED);
        Entity::insert_many(piece.iter().cloned())
            .on_conflict(replace)
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// A row for an insertion that the existing one turns into an update: no engine has another
/// statement that writes different values to many rows. What is not edited has values that are
/// never stored, so that those of the existing row do not matter, which may be no times.
fn replacement(item: Item) -> ActiveModel {
    let author = Authorship {
        last_modified_by: item.data_change_last_modified_by,
        ..Authorship::of(&item.data_change_created_by)
    };
    let row = ItemRow {
        namespace_id: item.namespace_id,
        key: item.key,
        r#type: item.r#type,
        value: item.value,
        comment: item.comment,
        line_num: item.line_num,
    };
    ActiveModel { id: Set(item.id), ..ActiveModel::of(row, author) }
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
