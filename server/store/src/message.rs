//! Queries: release messages. Ids only grow; the waiters are not known here.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use crate::Store;
use crate::condition::chunks;
use crate::entity::release_message::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable::{self, Rows};
use crate::notify::notify;
use crate::number::Id;
use crate::row;

/// Rows in one statement.
const CHUNK: usize = 500;

/// Inserts a message that a watch key changed. Must be the last call in the transaction that
/// changed it. The commit notifies the other nodes if the engine supports that.
pub async fn insert(db: &impl ConnectionTrait, message: &str) -> Result<Model, StoreError> {
    let row = row::insert(db, new(message)).await?;
    notify(db, message).await?;
    Ok(row)
}

/// The row of a message.
pub(super) fn new(message: &str) -> ActiveModel {
    ActiveModel {
        message: Set(message.to_owned()),
        data_change_last_time: Set(row::now().into()),
        ..ActiveModel::default()
    }
}

/// Inserts a message and removes it in the same transaction, which shows that the database stores
/// publishes. The only visible effect is a missing id.
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
        // One notification is sufficient, because listeners read all new messages.
        Some(last) => notify(db, last).await,
        None => Ok(()),
    }
}

/// Messages with greater ids, by id.
pub async fn after(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
    limit: u64,
) -> Result<Rows<(Id, String)>, StoreError> {
    let next = Entity::find().filter(Column::Id.gt(id.into())).order_by_asc(Column::Id);
    let next = next.select_only().columns([Column::Id, Column::Message]).limit(limit);
    readable::read(db, next).await
}

/// The greatest id; 0 if there are no messages.
pub async fn max_id(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// Removes up to `limit` messages with this text and smaller ids. Returns their number.
pub async fn delete_older(
    db: &impl ConnectionTrait,
    message: &str,
    id: Id,
    limit: u64,
) -> Result<u64, StoreError> {
    // Two statements, because MySQL cannot delete from a table that the same statement reads.
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
