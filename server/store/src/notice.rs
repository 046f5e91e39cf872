//! Queries: publishes of which others are notified. The deliveries to each receiver are in
//! `notice/delivery.rs`, the webhooks in `notice/webhook.rs`. All times are those of the shared
//! clock. When something is retried or given up is not known here.

pub mod delivery;
pub mod webhook;

use std::time::Duration;

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use crate::clock::shared_time;
use crate::condition::chunks;
use crate::entity::castalia_notice::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::length;
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

/// What another notice is about: a release and its history entry, whose ids are 0 as long as they
/// are unknown, and the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPublish {
    pub release_id: Id,
    pub history_id: Id,
    pub operation: Small,
}

impl KnownPublish {
    /// Whether it is the publish of this release and history entry by a notice's operation.
    pub fn is(&self, notice: &Notice, (release_id, history_id): (Id, Id)) -> bool {
        let has_no_entry = self.history_id == Id(0);
        self.history_id == history_id
            || (has_no_entry && self.release_id == release_id && self.operation == notice.operation)
    }
}

/// Whether another notice is about the publish with these ids. Locks the notices of the namespace
/// whose deliveries do not exist until the end of the transaction, so that two nodes cannot give
/// one publish to two of them.
///
/// A notice whose release was recorded has a claim to its publish whatever others were given: it
/// must be delivered, and after a restore of the environment its ids may be those of an older one.
pub async fn is_taken(
    db: &impl ConnectionTrait,
    notice: &Notice,
    ids: (Id, Id),
) -> Result<bool, StoreError> {
    if notice.state != NoticeState::Announced.code() {
        return Ok(false);
    }
    lock_open(db, notice).await?;
    Ok(known(db, notice).await?.iter().any(|other| other.is(notice, ids)))
}

/// Locks rows by id that it found without a lock: an engine that locks while it searches would also
/// wait for rows that do not match. Rows that are queued meanwhile are among them, because their
/// transaction has locked them, too. SQLite has one writing transaction at a time.
async fn lock_open(db: &impl ConnectionTrait, notice: &Notice) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    // Not unequal to the other state, for which no engine would use the index.
    let states = [NoticeState::Announced.code(), NoticeState::Published.code()];
    let open = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of_namespace(notice))
        .filter(Column::State.is_in(states))
        .order_by_asc(Column::Id);
    let ids: Vec<Id> = open.into_tuple().all(db).await?;
    for chunk in chunks(&ids) {
        let rows = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(chunk));
        rows.order_by_asc(Column::Id).lock_exclusive().into_tuple::<Id>().all(db).await?;
    }
    Ok(())
}

/// Stores what is delivered; returns whether the notice still was as it was read.
pub async fn queue(
    db: &impl ConnectionTrait,
    notice: &Notice,
    (release_id, history_id): (Id, Id),
    body: &str,
) -> Result<bool, StoreError> {
    let queued = Entity::update_many()
        .col_expr(Column::State, Expr::value(NoticeState::Queued.code()))
        .col_expr(Column::ReleaseId, Expr::value(release_id))
        .col_expr(Column::HistoryId, Expr::value(history_id))
        .col_expr(Column::Body, Expr::value(body))
        .filter(Column::Id.eq(notice.id))
        .filter(Column::State.eq(notice.state))
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

/// The same without their bodies, which contain the values of releases.
pub async fn by_ids_without_body(
    db: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<Vec<Notice>, StoreError> {
    let mut found: Vec<Model> = Vec::new();
    for chunk in chunks(ids) {
        let notices = Entity::find().filter(Column::Id.is_in(chunk));
        let notices = length::without(notices, Column::Body, "NULL");
        found.extend(readable::models(db, notices).await?);
    }
    Ok(found)
}

/// What the other notices about a namespace are about, as far as it is known.
pub async fn known(
    db: &impl ConnectionTrait,
    notice: &Notice,
) -> Result<Vec<KnownPublish>, StoreError> {
    let others = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ReleaseId, Column::HistoryId, Column::Operation])
        .filter(of_namespace(notice))
        .filter(Column::State.ne(NoticeState::Announced.code()))
        .filter(Column::Id.ne(notice.id));
    let found = readable::read::<_, (Id, Id, Id, Small)>(db, others).await?.readable;
    let publish =
        |(_, release_id, history_id, operation)| KnownPublish { release_id, history_id, operation };
    Ok(found.into_iter().map(publish).collect())
}

fn of_namespace(notice: &Notice) -> Condition {
    Condition::all()
        .add(Column::Env.eq(notice.env.as_str()))
        .add(Column::AppId.eq(notice.app_id.as_str()))
        .add(Column::ClusterName.eq(notice.cluster_name.as_str()))
        .add(Column::NamespaceName.eq(notice.namespace_name.as_str()))
}

pub async fn delete(db: &impl ConnectionTrait, id: Id) -> Result<(), StoreError> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}
