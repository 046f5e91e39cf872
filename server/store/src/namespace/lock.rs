//! Queries: the editors of namespaces. Rows are deleted physically, and the unique key decides
//! which editor was first.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::condition::chunks;
use crate::entity::namespace_lock::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_surely_unset;
use crate::number::Id;
use crate::row::decode;
use crate::row::{self, now};

pub use crate::entity::namespace_lock::Model as NamespaceLock;

pub async fn lock(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Option<Model>, StoreError> {
    // Not a standard table, so there is no `live()`.
    let lock = Entity::find()
        .filter(Column::NamespaceId.eq(namespace_id))
        .filter(is_surely_unset(Column::IsDeleted.into_expr()));
    decode::one(db, lock).await
}

/// The locks of these namespaces, without those that cannot be decoded.
pub async fn locks(db: &impl ConnectionTrait, namespaces: &[Id]) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(namespaces) {
        let locks = Entity::find()
            .filter(Column::NamespaceId.is_in(chunk))
            .filter(is_surely_unset(Column::IsDeleted.into_expr()));
        found.extend(readable::models(db, locks).await?);
    }
    Ok(found)
}

/// Fails with [`StoreError::Duplicate`] if another user has the lock: must be called in a separate
/// transaction.
pub async fn insert_lock(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    operator: &str,
) -> Result<Model, StoreError> {
    let now = now();
    let row = ActiveModel {
        namespace_id: Set(namespace_id),
        data_change_created_by: Set(operator.to_owned()),
        data_change_created_time: Set(now.into()),
        data_change_last_modified_by: Set(Some(operator.to_owned())),
        data_change_last_time: Set(Some(now.into())),
        is_deleted: Set(Some(false)),
        deleted_at: Set(0),
        ..ActiveModel::default()
    };
    row::insert(db, row).await
}

/// Returns whether there was a lock.
pub async fn delete_lock(db: &impl ConnectionTrait, namespace_id: Id) -> Result<bool, StoreError> {
    let gone = Entity::delete_many().filter(Column::NamespaceId.eq(namespace_id)).exec(db).await?;
    Ok(gone.rows_affected > 0)
}

/// Removes the locks of these namespaces.
pub async fn delete_locks(db: &impl ConnectionTrait, namespaces: &[Id]) -> Result<(), StoreError> {
    for chunk in chunks(namespaces) {
        Entity::delete_many().filter(Column::NamespaceId.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}
