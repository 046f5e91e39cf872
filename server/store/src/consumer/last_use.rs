//! Queries: when consumers last used their tokens. The table may be missing, because the account
//! may not create it; nothing is recorded then.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Set};

use crate::Store;
use crate::condition::chunks;
use crate::entity::castalia_consumer_use::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;

/// A use of the token of a consumer.
#[derive(Clone, Debug)]
pub struct ConsumerUse {
    pub consumer_id: Id,
    pub time: DateTime<Utc>,
}

/// The last uses of these consumers; those that cannot be decoded are omitted.
pub async fn of(store: &Store, ids: &[Id]) -> Result<HashMap<Id, DateTime<Utc>>, StoreError> {
    let mut found = HashMap::new();
    for chunk in chunks(ids) {
        let rows = Entity::find().filter(Column::ConsumerId.is_in(chunk));
        match readable::models(store.read(), rows).await {
            Err(error) if error.is_unusable_table() => break,
            rows => {
                found.extend(rows?.into_iter().map(|row| (row.consumer_id, *row.last_used_time)))
            }
        }
    }
    Ok(found)
}

/// Records the last uses.
pub async fn record(store: &Store, uses: Vec<ConsumerUse>) -> Result<(), StoreError> {
    match store.write(uses, |tx, uses| Box::pin(record_in(tx, uses))).await {
        Err(error) if error.is_unusable_table() => Ok(()),
        recorded => recorded,
    }
}

async fn record_in(db: &impl ConnectionTrait, uses: &[ConsumerUse]) -> Result<(), StoreError> {
    for usage in uses {
        let row = ActiveModel {
            consumer_id: Set(usage.consumer_id),
            last_used_time: Set(usage.time.into()),
        };
        let mut replace = OnConflict::column(Column::ConsumerId);
        replace.update_column(Column::LastUsedTime);
        Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Forgets the last use of a consumer, after a look: the table may be missing.
pub async fn forget(store: &Store, consumer_id: Id) -> Result<(), StoreError> {
    if of(store, &[consumer_id]).await?.is_empty() {
        return Ok(());
    }
    let delete = store.write(consumer_id, |tx, id| {
        Box::pin(async move {
            Entity::delete_by_id(*id).exec(tx).await?;
            Ok(())
        })
    });
    delete.await
}
