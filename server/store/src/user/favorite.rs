//! Queries: favourite apps of users.

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use crate::entity::favorite::{ActiveModel, Column, Entity, Row};
use crate::error::StoreError;
use crate::flag::is_set;
use crate::number::Id;
use crate::page::{self, Page};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard, soft_remove};

pub use crate::entity::favorite::Model as Favorite;

pub async fn by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Favorite>, StoreError> {
    decode::repaired(db, Entity::live_by_id(id)).await
}

pub async fn find(
    db: &impl ConnectionTrait,
    user_id: &str,
    app_id: &str,
) -> Result<Option<Favorite>, StoreError> {
    let favorite =
        Entity::live().filter(Column::UserId.eq(user_id)).filter(Column::AppId.eq(app_id));
    decode::repaired(db, favorite).await
}

/// The user's favourites in their order.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
    page: &Page,
) -> Result<Vec<Favorite>, StoreError> {
    let favorites = Entity::live().filter(Column::UserId.eq(user_id));
    page::list(db, in_order(favorites), page).await
}

/// All users' favourites of the app, in their order.
pub async fn of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
    page: &Page,
) -> Result<Vec<Favorite>, StoreError> {
    let favorites = Entity::live().filter(Column::AppId.eq(app_id));
    page::list(db, in_order(favorites), page).await
}

/// The position of the user's first favourite; `None` if there are none.
pub async fn first_position(
    db: &impl ConnectionTrait,
    user_id: &str,
) -> Result<Option<i32>, StoreError> {
    let first = Entity::live()
        .filter(Column::UserId.eq(user_id))
        .select_only()
        .column_as(Column::Position.min(), "First");
    let first = db.query_one_raw(first.build(db.get_database_backend())).await?;
    // A position that cannot be decoded only loses its place.
    Ok(first.and_then(|row| row.try_get_by::<Option<i32>, _>(0).ok().flatten()))
}

/// Inserts a favourite of the user, who is also its author.
pub async fn insert(
    db: &impl ConnectionTrait,
    user_id: &str,
    app_id: &str,
    position: i32,
) -> Result<Favorite, StoreError> {
    let row = Row { user_id: user_id.to_owned(), app_id: app_id.to_owned(), position };
    row::insert(db, ActiveModel::of(row, Authorship::of(user_id))).await
}

/// Moves a favourite; returns whether its position changed.
pub async fn set_position(
    db: &impl ConnectionTrait,
    favorite: &Favorite,
    position: i32,
) -> Result<bool, StoreError> {
    row::update(db, favorite, &Favorite { position, ..favorite.clone() }).await
}

/// Hides one favourite; returns whether it existed.
pub async fn remove(db: &impl ConnectionTrait, id: Id) -> Result<bool, StoreError> {
    Ok(soft_remove::<Entity>(db, Condition::all().add(Column::Id.eq(id))).await? > 0)
}

/// Hides all users' favourites of the app.
pub async fn delete_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    let condition = Condition::all().add(Column::AppId.eq(app_id));
    by.hide::<Entity>(db, condition).await
}

/// Hides all favourites of the user.
pub async fn delete_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    by.hide::<Entity>(db, Condition::all().add(Column::UserId.eq(user_id))).await
}

/// Deletes the favourites of a user that were hidden, such as those of a deleted app, so that no
/// restoration shows them. Returns their number.
pub async fn delete_hidden(db: &impl ConnectionTrait, user_id: &str) -> Result<u64, StoreError> {
    let hidden = Entity::delete_many()
        .filter(is_set(Column::IsDeleted.into_expr()))
        .filter(Column::UserId.eq(user_id));
    Ok(hidden.exec(db).await?.rows_affected)
}

fn in_order(favorites: sea_orm::Select<Entity>) -> sea_orm::Select<Entity> {
    favorites.order_by_asc(Column::Position).order_by_asc(Column::DataChangeCreatedTime)
}
