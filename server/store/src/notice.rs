//! Queries: publishes of which others are notified. The deliveries to each receiver are in
//! `notice/delivery.rs`, the webhooks in `notice/webhook.rs`. All times are those of the shared
//! clock. When something is retried or given up is not known here.

pub mod delivery;
pub mod webhook;

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::clock::shared_time;
use crate::condition::chunks;
use crate::entity::castalia_notice::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::row;

pub use crate::entity::castalia_notice::Model as Notice;

/// How far a notice is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// The publish was about to begin; its outcome is not recorded.
    Announced = 0,
    /// The publish was made; the deliveries do not exist yet.
    Published = 1,
    /// The deliveries exist.
    Queued = 2,
}

impl NoticeState {
    pub fn code(self) -> Small {
        Small(self as i16)
    }
}

/// A publish that is about to begin.
#[derive(Clone, Debug)]
pub struct NewNotice {
    pub env: String,
    pub app_id: String,
    pub cluster: String,
    pub namespace: String,
    pub operation: Small,
    pub operator: String,
    /// The release that a rollback leaves, else 0.
    pub release_id: Id,
    pub state: NoticeState,
    /// Time until it is looked at if nothing else happens.
    pub pause: Duration,
    pub body: Option<String>,
}

pub async fn insert(db: &impl ConnectionTrait, new: NewNotice) -> Result<Id, StoreError> {
    let now = shared_time(db).await?;
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        env: Set(new.env),
        app_id: Set(new.app_id),
        cluster_name: Set(new.cluster),
        namespace_name: Set(new.namespace),
        operation: Set(new.operation),
        operator: Set(new.operator),
        release_id: Set(new.release_id),
        history_id: Set(Id(0)),
        state: Set(new.state.code()),
        created_time: Set(now.into()),
        next_time: Set((now + new.pause).into()),
        body: Set(new.body),
    };
    Ok(row::insert(db, row).await?.id)
}

/// Records that the publish was made. The notice is due.
pub async fn publish(db: &impl ConnectionTrait, id: Id, release_id: Id) -> Result<(), StoreError> {
    let now = shared_time(db).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(NoticeState::Published.code()))
        .col_expr(Column::ReleaseId, Expr::value(release_id))
        .col_expr(Column::NextTime, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(NoticeState::Announced.code()))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores what is delivered; returns whether no other node did so before.
pub async fn queue(
    db: &impl ConnectionTrait,
    id: Id,
    (release_id, history_id): (Id, Id),
    body: &str,
) -> Result<bool, StoreError> {
    let queued = Entity::update_many()
        .col_expr(Column::State, Expr::value(NoticeState::Queued.code()))
        .col_expr(Column::ReleaseId, Expr::value(release_id))
        .col_expr(Column::HistoryId, Expr::value(history_id))
        .col_expr(Column::Body, Expr::value(body))
        .filter(Column::Id.eq(id))
        .filter(Column::State.ne(NoticeState::Queued.code()))
        .exec(db)
        .await?;
    Ok(queued.rows_affected > 0)
}

/// Reserves a due notice for `lease`; returns whether no other node did so before.
pub async fn claim(
    db: &impl ConnectionTrait,
    notice: &Notice,
    lease: Duration,
) -> Result<bool, StoreError> {
    let next_time = shared_time(db).await? + lease;
    let claimed = Entity::update_many()
        .col_expr(Column::NextTime, Expr::value(next_time))
        .filter(Column::Id.eq(notice.id))
        .filter(Column::State.eq(notice.state))
        .filter(Column::NextTime.eq(*notice.next_time))
        .exec(db)
        .await?;
    Ok(claimed.rows_affected > 0)
}

/// The environments with notices whose deliveries do not exist.
pub async fn environments(db: &impl ConnectionTrait) -> Result<Vec<String>, StoreError> {
    let environments = Entity::find()
        .select_only()
        .expr_as(Column::Id.min(), "First")
        .column(Column::Env)
        .filter(Column::State.ne(NoticeState::Queued.code()))
        .group_by(Column::Env);
    let found = readable::read::<_, (Id, String)>(db, environments).await?;
    Ok(found.readable.into_iter().map(|(_, env)| env).collect())
}

/// The notices of an environment whose deliveries do not exist, by the time at which they are due.
pub async fn open(
    db: &impl ConnectionTrait,
    env: &str,
    limit: u64,
) -> Result<Vec<Notice>, StoreError> {
    let open = Entity::find()
        .filter(Column::Env.eq(env))
        .filter(Column::State.ne(NoticeState::Queued.code()))
        .order_by_asc(Column::NextTime)
        .limit(limit);
    readable::models(db, open).await
}

/// The notices with these ids; unknown ones are omitted.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Notice>, StoreError> {
    let mut found: Vec<Model> = Vec::new();
    for chunk in chunks(ids) {
        found.extend(readable::models(db, Entity::find().filter(Column::Id.is_in(chunk))).await?);
    }
    Ok(found)
}

/// The releases and history entries of the other notices about a namespace.
pub async fn known(
    db: &impl ConnectionTrait,
    notice: &Notice,
) -> Result<Vec<(Id, Id, Small)>, StoreError> {
    let others = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ReleaseId, Column::HistoryId, Column::Operation])
        .filter(Column::Env.eq(notice.env.as_str()))
        .filter(Column::AppId.eq(notice.app_id.as_str()))
        .filter(Column::ClusterName.eq(notice.cluster_name.as_str()))
        .filter(Column::NamespaceName.eq(notice.namespace_name.as_str()))
        .filter(Column::State.ne(NoticeState::Announced.code()))
        .filter(Column::Id.ne(notice.id));
    let found = readable::read::<_, (Id, Id, Id, Small)>(db, others).await?.readable;
    Ok(found
        .into_iter()
        .map(|(_, release, history, operation)| (release, history, operation))
        .collect())
}

pub async fn delete(db: &impl ConnectionTrait, id: Id) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}
