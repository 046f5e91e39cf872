//! Queries: release messages. Ids only grow; who waits for one is not known here.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use crate::store::Store;
use crate::store::condition::chunks;
use crate::store::entity::release_message::{ActiveModel, Column, Entity, Model};
use crate::store::error::StoreError;
use crate::store::feed::readable::{self, Rows};
use crate::store::notify::notify;
use crate::store::number::Id;
use crate::store::row;

/// Rows of one statement.
const CHUNK: usize = 500;

/// Says that a watch key changed. To be called last in the transaction that changed it; its commit tells the other nodes
/// where the engine can.
pub async fn insert(db: &impl ConnectionTrait, message: &str) -> Result<Model, StoreError> {
    let row = row::insert(db, new(message)).await?;
    notify(db, message).await?;
    Ok(row)
}

/// The row that says so.
pub(super) fn new(message: &str) -> ActiveModel {
    ActiveModel {
        message: Set(message.to_owned()),
        data_change_last_time: Set(row::now().into()),
        ..ActiveModel::default()
    }
}

/// Writes a message and removes it in one transaction, which nobody sees but for an id that is missing: shows that the
/// database keeps what publishes write.
pub(super) async fn try_write(store: &Store) -> Result<(), StoreError> {
    store
        .write((), |tx, ()| {
            Box::pin(async move {
                let message = insert(tx, "castalia+write+check").await?;
                Entity::delete_by_id(message.id).exec(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
}

/// The same for many watch keys, in their order and in few statements.
pub async fn insert_all(db: &impl ConnectionTrait, messages: &[String]) -> Result<(), StoreError> {
    let now = row::now();
    for chunk in messages.chunks(CHUNK) {
        let rows = chunk.iter().map(|message| ActiveModel {
            message: Set(message.clone()),
            data_change_last_time: Set(now.into()),
            ..ActiveModel::default()
        });
        Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    match messages.last() {
        // A listener reads all new messages, whichever it was told of.
        Some(last) => notify(db, last).await,
        None => Ok(()),
    }
}

/// Messages with greater ids, in the order of their ids.
pub async fn after(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
    limit: u64,
) -> Result<Rows<(Id, String)>, StoreError> {
    let next = Entity::find().filter(Column::Id.gt(id.into())).order_by_asc(Column::Id);
    let next = next.select_only().columns([Column::Id, Column::Message]).limit(limit);
    readable::read(db, next).await
}

/// The greatest id; 0 without any message.
pub async fn max_id(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// Removes up to `limit` messages of this text with smaller ids. Returns how many there were.
pub async fn delete_older(
    db: &impl ConnectionTrait,
    message: &str,
    id: Id,
    limit: u64,
) -> Result<u64, StoreError> {
    // MySQL cannot delete from what it reads in the same statement, hence two.
    let older: Vec<Id> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Message.eq(message))
        .filter(Column::Id.lt(id))
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let mut removed = 0;
    for chunk in chunks(&older) {
        let gone = Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
        removed += gone.rows_affected;
    }
    Ok(removed)
}
