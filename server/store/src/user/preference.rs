//! Queries: what users have chosen for the web UI, as names and values. The table may be missing,
//! because the account may not create it; nothing is stored then.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Set};

use crate::Store;
use crate::entity::castalia_preference::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::page;

/// Names and values of the user, by name; none without the table.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Vec<(String, String)>, StoreError> {
    let rows = Entity::find().filter(Column::UserId.eq(user_id)).order_by_asc(Column::Name);
    match readable::models(store.read(), rows).await {
        Err(error) if error.is_unusable_table() => Ok(Vec::new()),
        found => Ok(found?.into_iter().map(|row| (row.name, row.value)).collect()),
    }
}

/// Stores values of the user; those of other names stay.
pub async fn put(
    db: &impl ConnectionTrait,
    user_id: &str,
    chosen: &[(String, String)],
) -> Result<(), StoreError> {
    let rows = chosen.iter().map(|(name, value)| ActiveModel {
        user_id: Set(user_id.to_owned()),
        name: Set(name.clone()),
        value: Set(value.clone()),
    });
    let mut replace = OnConflict::columns([Column::UserId, Column::Name]);
    replace.update_column(Column::Value);
    Entity::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

/// Forgets what a user chose, in a transaction of its own, after a look: PostgreSQL ends one in
/// which a table is missing.
pub async fn forget_user(store: &Store, user_id: &str) -> Result<(), StoreError> {
    // Also a row that cannot be decoded is forgotten.
    match page::count(store.read(), Entity::find().filter(Column::UserId.eq(user_id))).await {
        Ok(0) => return Ok(()),
        Err(error) if error.is_unusable_table() => return Ok(()),
        found => found?,
    };
    let delete = store.write(user_id.to_owned(), |tx, user_id| {
        Box::pin(async move {
            Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(tx).await?;
            Ok(())
        })
    });
    delete.await
}
