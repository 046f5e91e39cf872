//! Queries: addresses from which apps were requested without a signature of their observed access
//! key. Their maximum number, and the time after which a row is ignored, are not known here. The
//! table may be missing, because the account may not create it; nothing is recorded then.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, OnConflict};
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use crate::Store;
use crate::condition::CONDITIONS;
use crate::entity::castalia_unsigned_client::{ActiveModel, Column, Entity};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page;

pub use crate::entity::castalia_unsigned_client::Model as UnsignedClient;

/// An app, and an address from which it was requested.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub app_id: String,
    pub ip: String,
}

/// Those that are stored.
pub async fn find(
    db: &impl ConnectionTrait,
    requests: &[Request],
) -> Result<HashSet<Request>, StoreError> {
    let mut found = HashSet::new();
    for chunk in requests.chunks(CONDITIONS) {
        let any = chunk.iter().fold(Condition::any(), |any, request| {
            let of_app = Column::AppId.eq(request.app_id.as_str());
            any.add(Condition::all().add(of_app).add(Column::Ip.eq(request.ip.as_str())))
        });
        let rows = readable::models(db, Entity::find().filter(any)).await?;
        found.extend(rows.into_iter().map(|row| Request { app_id: row.app_id, ip: row.ip }));
    }
    Ok(found)
}

/// Number of rows of an app.
pub async fn count_of_app(db: &impl ConnectionTrait, app_id: &str) -> Result<u64, StoreError> {
    page::count(db, Entity::find().filter(Column::AppId.eq(app_id))).await
}

/// Number of rows of all apps.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64, StoreError> {
    page::count(db, Entity::find()).await
}

/// Stores the time of requests. The input must not be empty, and must not contain duplicates.
pub async fn record(
    db: &impl ConnectionTrait,
    requests: &[Request],
    time: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut renew = OnConflict::columns([Column::AppId, Column::Ip]);
    renew.update_column(Column::LastTime);
    let rows = requests.iter().map(|request| ActiveModel {
        id: ActiveValue::NotSet,
        app_id: Set(request.app_id.clone()),
        ip: Set(request.ip.clone()),
        last_time: Set(time.into()),
    });
    Entity::insert_many(rows).on_conflict(renew).exec_without_returning(db).await?;
    Ok(())
}

/// Number of addresses of an app since a time, and the newest of them; `None` without the table.
pub async fn of_app(
    store: &Store,
    app_id: &str,
    since: DateTime<Utc>,
    most: u64,
) -> Result<Option<(u64, Vec<UnsignedClient>)>, StoreError> {
    let rows = Entity::find().filter(Column::AppId.eq(app_id)).filter(Column::LastTime.gte(since));
    let count = match page::count(store.read(), rows.clone()).await {
        Err(error) if error.is_unusable_table() => return Ok(None),
        count => count?,
    };
    let newest = rows.order_by_desc(Column::LastTime).order_by_desc(Column::Id).limit(most);
    Ok(Some((count, readable::models(store.read(), newest).await?)))
}

/// Deletes rows from before a time, after a look: there are none most of the time.
pub async fn delete_before(store: &Store, time: DateTime<Utc>) -> Result<(), StoreError> {
    let old = Column::LastTime.lt(time);
    let first = Entity::find().filter(old.clone()).select_only().column(Column::Id).limit(1);
    if first.into_tuple::<Id>().one(store.read()).await?.is_none() {
        return Ok(());
    }
    let delete = store.write(old, |tx, old| {
        Box::pin(async move {
            Entity::delete_many().filter(old.clone()).exec(tx).await?;
            Ok(())
        })
    });
    delete.await
}
