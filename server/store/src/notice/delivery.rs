//! Queries: the deliveries of a notice, which are also the delivery log.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, Query};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait as _, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use crate::clock::shared_time;
use crate::condition::chunks;
use crate::entity::castalia_delivery::{ActiveModel, Column, Entity};
use crate::entity::castalia_notice as notice;
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};
use crate::page::{self, Page};
use crate::row;
use crate::time::StoredTime;

pub use crate::entity::castalia_delivery::Model as Delivery;

/// A delivery that was last worked on later than the present time plus this is due: the clock was
/// set back since.
const SET_BACK: Duration = Duration::from_secs(60);

/// How far a delivery is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Pending = 0,
    Delivered = 1,
    Failed = 2,
}

impl DeliveryState {
    pub fn code(self) -> Small {
        Small(self as i16)
    }
}

/// The receiver of deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receiver {
    /// Kind of the delivery.
    pub kind: i16,
    /// The webhook, or 0.
    pub webhook_id: Id,
    /// The address, if no webhook has it; of a mail, its recipients if these are not all.
    pub target: String,
}

/// The outcome of an attempt.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub state: DeliveryState,
    /// Status of the answer; 0 without one.
    pub status: Small,
    pub problem: String,
    /// Time until it is retried, if it is pending.
    pub pause: Duration,
}

/// Inserts a delivery that is due now, or one that already failed.
pub async fn insert(
    db: &impl ConnectionTrait,
    notice_id: Id,
    receiver: &Receiver,
    delivery_key: &str,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let now = shared_time(db).await?;
    let state = if problem.is_some() { DeliveryState::Failed } else { DeliveryState::Pending };
    let row = ActiveModel {
        id: ActiveValue::NotSet,
        notice_id: Set(notice_id),
        webhook_id: Set(receiver.webhook_id),
        kind: Set(Small(receiver.kind)),
        target: Set(receiver.target.clone()),
        delivery_key: Set(delivery_key.to_owned()),
        state: Set(state.code()),
        attempts: Set(Small(0)),
        status: Set(Small(0)),
        problem: Set(problem.unwrap_or_default().to_owned()),
        created_time: Set(now.into()),
        next_time: Set(now.into()),
        last_time: Set(now.into()),
    };
    row::insert(db, row).await?;
    Ok(())
}

/// The number of pending deliveries, and when the first is due, by receiver.
pub async fn pending(
    db: &impl ConnectionTrait,
) -> Result<BTreeMap<Receiver, (u64, DateTime<Utc>)>, StoreError> {
    let now = shared_time(db).await?;
    let rows = Entity::find()
        .select_only()
        .expr_as(Column::Id.min(), "First")
        .columns([Column::Kind, Column::WebhookId, Column::Target])
        .expr_as(Column::Id.count(), "Waiting")
        .expr_as(Column::NextTime.min(), "Earliest")
        .expr_as(Column::LastTime.max(), "Latest")
        .filter(Column::State.eq(DeliveryState::Pending.code()))
        .group_by(Column::Kind)
        .group_by(Column::WebhookId)
        .group_by(Column::Target);
    type LastDelivery = (Id, Small, Id, String, i64, StoredTime<Entity>, StoredTime<Entity>);
    let rows: Vec<LastDelivery> = readable::read(db, rows).await?.readable;
    let receiver = |(_, kind, webhook_id, target, count, earliest, latest): LastDelivery| {
        let due = if *latest > now + SET_BACK { now } else { *earliest };
        (Receiver { kind: kind.0, webhook_id, target }, (count.unsigned_abs(), due))
    };
    Ok(rows.into_iter().map(receiver).collect())
}

/// The first delivery of a receiver that is due and can be decoded, in the order of the publishes.
pub async fn due(
    db: &impl ConnectionTrait,
    receiver: &Receiver,
) -> Result<Option<Delivery>, StoreError> {
    let now = shared_time(db).await?;
    let due = Entity::find()
        .filter(Column::State.eq(DeliveryState::Pending.code()))
        .filter(Column::Kind.eq(Small(receiver.kind)))
        .filter(Column::WebhookId.eq(receiver.webhook_id))
        .filter(Column::Target.eq(receiver.target.as_str()))
        .filter(Column::NextTime.lte(now).or(Column::LastTime.gt(now + SET_BACK)));
    readable::first(db, due, Column::Id).await
}

/// Reserves a due delivery for `lease`; returns whether no other node did so before.
pub async fn claim(
    db: &impl ConnectionTrait,
    delivery: &Delivery,
    lease: Duration,
) -> Result<bool, StoreError> {
    let now = shared_time(db).await?;
    let claimed = Entity::update_many()
        .col_expr(Column::NextTime, Expr::value(now + lease))
        .col_expr(Column::LastTime, Expr::value(now))
        .filter(Column::Id.eq(delivery.id))
        .filter(Column::State.eq(DeliveryState::Pending.code()))
        .filter(Column::NextTime.eq(*delivery.next_time))
        .exec(db)
        .await?;
    Ok(claimed.rows_affected > 0)
}

/// Records the outcome of an attempt.
pub async fn settle(
    db: &impl ConnectionTrait,
    id: Id,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let now = shared_time(db).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(outcome.state.code()))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Status, Expr::value(outcome.status))
        .col_expr(Column::Problem, Expr::value(outcome.problem.as_str()))
        .col_expr(Column::NextTime, Expr::value(now + outcome.pause))
        .col_expr(Column::LastTime, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// A page of the log, newest first: all of it, or that of one webhook.
pub async fn log(
    db: &impl ConnectionTrait,
    webhook_id: Option<Id>,
    page: &Page,
) -> Result<Vec<Delivery>, StoreError> {
    let mut log = Entity::find().order_by_desc(Column::Id);
    if let Some(id) = webhook_id {
        log = log.filter(Column::WebhookId.eq(id));
    }
    page::list(db, log, page).await
}

/// Ends the pending deliveries to a webhook.
pub async fn fail_pending(
    db: &impl ConnectionTrait,
    webhook_id: Id,
    problem: &str,
) -> Result<(), StoreError> {
    let now = shared_time(db).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::value(DeliveryState::Failed.code()))
        .col_expr(Column::Problem, Expr::value(problem))
        .col_expr(Column::LastTime, Expr::value(now))
        .filter(Column::State.eq(DeliveryState::Pending.code()))
        .filter(Column::WebhookId.eq(webhook_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes some finished deliveries that ended before a time, then the notices without any; returns
/// the number of deliveries.
pub async fn delete_finished(
    db: &impl ConnectionTrait,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<u64, StoreError> {
    let finished = Condition::all()
        .add(Column::State.ne(DeliveryState::Pending.code()))
        .add(Column::LastTime.lt(before));
    let ids: Vec<Id> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(finished)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    for chunk in chunks(&ids) {
        Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    let used = Query::select().column(Column::NoticeId).from(Entity).take();
    notice::Entity::delete_many()
        .filter(notice::Column::State.eq(super::NoticeState::Queued.code()))
        .filter(notice::Column::CreatedTime.lt(before))
        .filter(notice::Column::Id.not_in_subquery(used))
        .exec(db)
        .await?;
    Ok(ids.len() as u64)
}

/// The time of the newest finished delivery behind the `kept` ones that ended last.
pub async fn time_behind(
    db: &impl ConnectionTrait,
    kept: u64,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let behind = Entity::find()
        .select_only()
        .columns([Column::Id, Column::LastTime])
        .filter(Column::State.ne(DeliveryState::Pending.code()))
        .order_by_desc(Column::LastTime)
        .order_by_desc(Column::Id)
        .offset(kept)
        .limit(1);
    let mut found = readable::read::<_, (Id, StoredTime<Entity>)>(db, behind).await?.readable;
    Ok(found.pop().map(|(_, time)| *time))
}
