//! Queries: consumers of OpenAPI, their tokens and calls. Their roles are in `user/role.rs`.
//! Generation and comparison of tokens are not known here.

pub mod last_use;

use chrono::{DateTime, NaiveDateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::audit::trail;
use crate::condition::chunks;
use crate::entity::consumer::{ActiveModel, Column, Entity, Model};
use crate::entity::{
    castalia_consumer_grant as grant, consumer_audit, consumer_role, consumer_token,
};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page::{self, Page};
use crate::row::decode;
use crate::row::{self, Authorship, Standard, now, soft_delete};

pub use crate::entity::consumer::{Model as Consumer, Row as ConsumerRow};
pub use crate::entity::consumer_role::Model as ConsumerGrant;
pub use crate::entity::consumer_token::{Model as ConsumerToken, Row as ConsumerTokenRow};

/// A call of a consumer.
#[derive(Clone, Debug)]
pub struct ConsumerCall {
    pub consumer_id: Id,
    pub method: String,
    /// Path and query.
    pub uri: String,
    pub time: DateTime<Utc>,
}

pub async fn by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id)).await
}

/// The consumers with these ids by id; unknown ones and those that cannot be decoded are omitted.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        found.extend(readable::models(db, Entity::live().filter(Column::Id.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

pub async fn by_app_id(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live().filter(Column::AppId.eq(app_id))).await
}

/// The consumer with this id, locked until the end of the transaction. Whatever gives it a token or
/// a role takes this lock, and so does its deletion, which would otherwise not find what is inserted
/// at the same time.
pub async fn lock(db: &impl ConnectionTrait, app_id: &str) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live().filter(Column::AppId.eq(app_id)).lock_exclusive()).await
}

/// The same by its row id.
pub async fn lock_by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id).lock_exclusive()).await
}

/// All consumers, newest first.
pub async fn all_page(db: &impl ConnectionTrait, page: &Page) -> Result<Vec<Model>, StoreError> {
    page::list(db, Entity::live().order_by_desc(Column::Id), page).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: ConsumerRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    let created = row::insert(db, ActiveModel::of(row, author)).await?;
    note(&created);
    Ok(created)
}

/// Writes the members that differ; returns whether there are any.
pub async fn update(
    db: &impl ConnectionTrait,
    old: &Model,
    new: &Model,
) -> Result<bool, StoreError> {
    note(new);
    row::update(db, old, new).await
}

fn note(row: &Model) {
    trail::wrote("Consumer", row.id, &[("AppId", Some(&row.app_id))]);
}

/// Hides the consumer with its tokens and roles, and deletes its grants; returns whether it
/// existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, operator: &str) -> Result<bool, StoreError> {
    trail::deleted("Consumer", "Id", &id.0.to_string());
    let tokens = Condition::all().add(consumer_token::Column::ConsumerId.eq(id));
    soft_delete::<consumer_token::Entity>(db, tokens, operator).await?;
    let roles = Condition::all().add(consumer_role::Column::ConsumerId.eq(id));
    soft_delete::<consumer_role::Entity>(db, roles, operator).await?;
    grant::Entity::delete_by_id(id).exec(db).await?;
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}

/// The token with this stored text, if it expires after the given local time. Refused if the row
/// cannot be decoded; an expiry that cannot be decoded is read as past.
pub async fn token(
    db: &impl ConnectionTrait,
    stored: &str,
    now: NaiveDateTime,
) -> Result<Option<consumer_token::Model>, StoreError> {
    use consumer_token::{Column, Entity};
    let found = Entity::live().filter(Column::Token.eq(stored)).filter(Column::Expires.gt(now));
    let found = readable::models(db, found.limit(1)).await?.pop();
    // The engine compares an expiry that is no time as well.
    let is_valid =
        |token: &consumer_token::Model| token.token.expose() == stored && *token.expires > now;
    Ok(found.filter(is_valid))
}

/// The consumer's tokens, by id.
pub async fn tokens(
    db: &impl ConnectionTrait,
    consumer_id: Id,
) -> Result<Vec<consumer_token::Model>, StoreError> {
    use consumer_token::{Column, Entity};
    let tokens = Entity::live().filter(Column::ConsumerId.eq(consumer_id));
    decode::all_repaired(db, tokens.order_by_asc(Column::Id)).await
}

/// The tokens of these consumers, by id.
pub async fn tokens_of(
    db: &impl ConnectionTrait,
    consumer_ids: &[Id],
) -> Result<Vec<ConsumerToken>, StoreError> {
    use consumer_token::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(consumer_ids) {
        let tokens = Entity::live().filter(Column::ConsumerId.is_in(chunk));
        found.extend(readable::models(db, tokens.order_by_asc(Column::Id)).await?);
    }
    Ok(found)
}

/// The token with this stored text, even if it expired.
pub async fn token_of_any_time(
    db: &impl ConnectionTrait,
    stored: &str,
) -> Result<Option<ConsumerToken>, StoreError> {
    use consumer_token::{Column, Entity};
    let found = Entity::live().filter(Column::Token.eq(stored));
    let found = readable::models(db, found.limit(1)).await?.pop();
    Ok(found.filter(|token| token.token.expose() == stored))
}

/// The grants of these roles to these consumers, by id.
pub async fn grants(
    db: &impl ConnectionTrait,
    consumer_ids: &[Id],
    role_ids: &[Id],
) -> Result<Vec<ConsumerGrant>, StoreError> {
    use consumer_role::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(consumer_ids) {
        let grants = Entity::live()
            .filter(Column::ConsumerId.is_in(chunk))
            .filter(Column::RoleId.is_in(role_ids.iter().copied()));
        found.extend(readable::models(db, grants.order_by_asc(Column::Id)).await?);
    }
    Ok(found)
}

pub async fn insert_token(
    db: &impl ConnectionTrait,
    row: ConsumerTokenRow,
    author: Authorship,
) -> Result<consumer_token::Model, StoreError> {
    let created = row::insert(db, consumer_token::ActiveModel::of(row, author)).await?;
    let consumer = created.consumer_id.map(|id| id.0.to_string());
    trail::wrote("ConsumerToken", created.id, &[("ConsumerId", consumer.as_deref())]);
    Ok(created)
}

/// Ends the tokens of a consumer: at this local time, or at once.
pub async fn end_tokens(
    db: &impl ConnectionTrait,
    consumer_id: Id,
    at: Option<NaiveDateTime>,
    operator: &str,
) -> Result<(), StoreError> {
    use consumer_token::{Column, Entity};
    trail::deleted("ConsumerToken", "ConsumerId", &consumer_id.0.to_string());
    let Some(at) = at else {
        let all = Condition::all().add(Column::ConsumerId.eq(consumer_id));
        soft_delete::<Entity>(db, all, operator).await?;
        return Ok(());
    };
    Entity::update_many()
        .col_expr(Column::Expires, Expr::value(at))
        .col_expr(Column::DataChangeLastModifiedBy, Expr::value(operator))
        .col_expr(Column::DataChangeLastTime, Expr::value(now()))
        .filter(Column::ConsumerId.eq(consumer_id))
        .filter(Column::IsDeleted.eq(false))
        .filter(Column::Expires.gt(at))
        .exec(db)
        .await?;
    Ok(())
}

/// Limits the tokens of a consumer to this number of requests per second; 0 for no limit.
pub async fn limit_tokens(
    db: &impl ConnectionTrait,
    consumer_id: Id,
    rate_limit: i32,
    operator: &str,
) -> Result<(), StoreError> {
    use consumer_token::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::RateLimit, Expr::value(rate_limit))
        .col_expr(Column::DataChangeLastModifiedBy, Expr::value(operator))
        .col_expr(Column::DataChangeLastTime, Expr::value(now()))
        .filter(Column::ConsumerId.eq(consumer_id))
        .filter(Column::IsDeleted.eq(false))
        .filter(Column::RateLimit.ne(rate_limit))
        .exec(db)
        .await?;
    Ok(())
}

/// Records calls of consumers.
pub async fn record_calls(
    db: &impl ConnectionTrait,
    calls: &[ConsumerCall],
) -> Result<(), StoreError> {
    let rows = calls.iter().map(|call| consumer_audit::ActiveModel {
        id: ActiveValue::NotSet,
        consumer_id: Set(Some(call.consumer_id)),
        uri: Set(call.uri.clone()),
        method: Set(call.method.clone()),
        data_change_created_time: Set(call.time.into()),
        data_change_last_time: Set(Some(call.time.into())),
    });
    if !calls.is_empty() {
        consumer_audit::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Whether the consumer is treated as administrator of every app; not if the grant cannot be
/// decoded.
pub async fn has_all_apps(db: &impl ConnectionTrait, consumer_id: Id) -> Result<bool, StoreError> {
    let found = readable::models(db, grant::Entity::find_by_id(consumer_id)).await?;
    Ok(found.iter().any(|grant| grant.all_apps))
}

/// Grants or revokes administration of every app.
pub async fn set_all_apps(
    db: &impl ConnectionTrait,
    consumer_id: Id,
    all_apps: bool,
    operator: &str,
) -> Result<(), StoreError> {
    let row = grant::ActiveModel {
        consumer_id: Set(consumer_id),
        all_apps: Set(all_apps),
        created_by: Set(operator.to_owned()),
        created_time: Set(now().into()),
    };
    let mut replace = OnConflict::column(grant::Column::ConsumerId);
    replace.update_columns([
        grant::Column::AllApps,
        grant::Column::CreatedBy,
        grant::Column::CreatedTime,
    ]);
    grant::Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}
