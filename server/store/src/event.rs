//! Queries: recent edits and publishes, which pages of the portal show.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::clock::shared_time;
use crate::entity::castalia_event::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::{Id, Small};

pub use crate::entity::castalia_event::Model as Event;

/// An event to be stored.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub env: String,
    pub app_id: String,
    pub cluster: String,
    pub namespace: String,
    pub kind: Small,
    pub operator: String,
    pub release_id: Id,
}

pub async fn insert(db: &impl ConnectionTrait, events: &[NewEvent]) -> Result<(), StoreError> {
    let now = shared_time(db).await?;
    let rows = events.iter().map(|new| ActiveModel {
        id: ActiveValue::NotSet,
        env: Set(new.env.clone()),
        app_id: Set(new.app_id.clone()),
        cluster_name: Set(new.cluster.clone()),
        namespace_name: Set(new.namespace.clone()),
        kind: Set(new.kind),
        operator: Set(new.operator.clone()),
        release_id: Set(new.release_id),
        created_time: Set(now.into()),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Events with greater ids, by id.
pub async fn after(
    db: &impl ConnectionTrait,
    id: Id,
    limit: u64,
) -> Result<Vec<Event>, StoreError> {
    let next = Entity::find().filter(Column::Id.gt(id)).order_by_asc(Column::Id).limit(limit);
    readable::models(db, next).await
}

/// Whether this event is still stored.
pub async fn exists(db: &impl ConnectionTrait, id: Id) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(id)
        .select_only()
        .column(Column::Id)
        .into_tuple::<Id>()
        .one(db)
        .await?
        .is_some())
}

/// The greatest id; 0 if there are no events.
pub async fn newest(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// The greatest id of the events before a time; 0 if there are none.
pub async fn newest_before(
    db: &impl ConnectionTrait,
    time: DateTime<Utc>,
) -> Result<Id, StoreError> {
    let before = Entity::find().filter(Column::CreatedTime.lt(time));
    let newest = before.select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// Deletes events before a time, but never the newest: its id is that of the pages which are up to
/// date.
pub async fn delete_before(
    db: &impl ConnectionTrait,
    time: DateTime<Utc>,
    newest: Id,
) -> Result<(), StoreError> {
    let old = Entity::delete_many().filter(Column::CreatedTime.lt(time));
    old.filter(Column::Id.lt(newest)).exec(db).await?;
    Ok(())
}
