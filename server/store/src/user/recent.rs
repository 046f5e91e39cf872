//! Queries: apps that users opened recently. Apps are referred to by the ids of their rows: an app
//! that was deleted, by this portal or by Apollo's, is not confused with a later one of its name.
//! The table may be missing, because the account may not create it; nothing is remembered then.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::Store;
use crate::entity::castalia_recent::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row;

/// Rows of the apps that the user opened, the one opened last first; `None` without the table.
pub async fn of_user(store: &Store, user_id: &str) -> Result<Option<Vec<Id>>, StoreError> {
    let rows = Entity::find().filter(Column::UserId.eq(user_id)).order_by_desc(Column::Id);
    let rows = rows.select_only().columns([Column::Id, Column::AppRow]);
    match readable::read::<_, (Id, Id)>(store.read(), rows).await {
        Ok(found) => Ok(Some(found.readable.into_iter().map(|(_, app_row)| app_row).collect())),
        Err(error) => absent(error, None),
    }
}

/// Makes an app the first one of the user, of whom the last `most` are kept.
pub async fn put_first(
    db: &impl ConnectionTrait,
    user_id: &str,
    app_row: Id,
    most: u64,
) -> Result<(), StoreError> {
    let of_user = Column::UserId.eq(user_id);
    let old = Entity::delete_many().filter(of_user.clone()).filter(Column::AppRow.eq(app_row));
    old.exec(db).await?;
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        user_id: Set(user_id.to_owned()),
        app_row: Set(app_row),
    };
    row::insert(db, row).await?;
    let kept = Entity::find().filter(of_user.clone()).order_by_desc(Column::Id).limit(most);
    let kept: Vec<Id> = kept.select_only().column(Column::Id).into_tuple().all(db).await?;
    if let Some(last) = kept.last() {
        Entity::delete_many().filter(of_user).filter(Column::Id.lt(*last)).exec(db).await?;
    }
    Ok(())
}

/// Forgets an app that all users opened.
pub async fn forget_app(store: &Store, app_row: Id) -> Result<(), StoreError> {
    forget(store, Column::AppRow.eq(app_row)).await
}

/// Forgets the apps that a user opened.
pub async fn forget_user(store: &Store, user_id: &str) -> Result<(), StoreError> {
    forget(store, Column::UserId.eq(user_id)).await
}

/// In a transaction of its own, after a look: PostgreSQL ends one in which a table is missing.
async fn forget(store: &Store, rows: Expr) -> Result<(), StoreError> {
    let first = Entity::find().filter(rows.clone()).select_only().column(Column::Id).limit(1);
    match first.into_tuple::<Id>().one(store.read()).await {
        Ok(None) => return Ok(()),
        Ok(Some(_)) => {}
        Err(error) => return absent(error.into(), ()),
    }
    let delete = store.write(rows, |tx, rows| {
        Box::pin(async move {
            Entity::delete_many().filter(rows.clone()).exec(tx).await?;
            Ok(())
        })
    });
    delete.await
}

/// The result without the table.
fn absent<T>(error: StoreError, nothing: T) -> Result<T, StoreError> {
    match error.is_unusable_table() {
        true => Ok(nothing),
        false => Err(error),
    }
}
