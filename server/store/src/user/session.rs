//! Queries: sessions of browsers. The value of the cookie is never stored; rows are found by its
//! hash.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QuerySelect,
};

use crate::entity::castalia_session::{Column, Entity, Model};
use crate::error::StoreError;

pub async fn create(db: &impl ConnectionTrait, session: &Model) -> Result<(), StoreError> {
    let row = session.clone().into_active_model().reset_all();
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The session if it has not expired.
pub async fn find(
    db: &impl ConnectionTrait,
    id_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Model>, StoreError> {
    let session = Entity::find_by_id(id_hash).filter(Column::ExpiryTime.gt(now));
    Ok(session.one(db).await?.filter(|session| session.id_hash == id_hash))
}

/// Names of the users with sessions, without duplicates.
pub async fn users(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let names = Entity::find().select_only().column(Column::UserId).distinct();
    Ok(names.into_tuple().all(db).await?)
}

/// Records that the session was used.
pub async fn touch(
    db: &impl ConnectionTrait,
    id_hash: &str,
    seen: DateTime<Utc>,
    expiry: DateTime<Utc>,
) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::LastSeenTime, Expr::value(seen))
        .col_expr(Column::ExpiryTime, Expr::value(expiry))
        .filter(Column::IdHash.eq(id_hash))
        .exec(db)
        .await?;
    Ok(())
}

/// Returns whether the session existed.
pub async fn delete(db: &impl ConnectionTrait, id_hash: &str) -> Result<bool, StoreError> {
    Ok(Entity::delete_by_id(id_hash).exec(db).await?.rows_affected > 0)
}

/// Ends all sessions of the user except for the one with the given hash.
pub async fn delete_of_user(
    db: &impl ConnectionTrait,
    user_id: &str,
    except: Option<&str>,
) -> Result<u64, StoreError> {
    let mut gone = Entity::delete_many().filter(Column::UserId.eq(user_id));
    if let Some(except) = except {
        gone = gone.filter(Column::IdHash.ne(except));
    }
    Ok(gone.exec(db).await?.rows_affected)
}

pub async fn delete_expired(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let gone = Entity::delete_many().filter(Column::ExpiryTime.lte(now));
    Ok(gone.exec(db).await?.rows_affected)
}
