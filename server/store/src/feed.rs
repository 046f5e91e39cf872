//! Queries of the release feed. They select only the columns that the feed needs, and a row that
//! cannot be decoded does not affect the others ([`Rows`]). The meaning of the rows is not known
//! here.

mod misplaced;
mod newest;
mod published;
pub(super) mod readable;

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};

use crate::condition::chunks;
use crate::entity::{access_key, app_namespace, cluster, namespace, release, release_message};
use crate::error::StoreError;
use crate::number::{Id, Small};
use crate::row::{Standard, primary_key};
use crate::secret::Secret;
use crate::time::StoredTime;

pub use misplaced::{Misplaced, RecordedHistory, misplaced, recorded};
pub use newest::{FeedTable, newest_id};
pub use published::{
    Fingerprint, PublishedLine, Readable, ReleaseRow, RuleRow, fingerprints, published,
};
pub use readable::{Rows, is_unparsable_news};

/// A release message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: Id,
    /// The watch key that changed.
    pub text: String,
    /// When it was inserted. A message that receives the id of a lost one has another time.
    pub time: DateTime<Utc>,
}

/// A new release message, and the one with the id before it: what a scan reads that has read the
/// latter.
#[derive(Clone, Debug)]
pub struct Appended {
    pub before: Message,
    pub message: Message,
}

/// Release messages with ids from `first` to `last`, inclusive, by id.
pub async fn messages_between(
    db: &impl ConnectionTrait,
    first: i64,
    last: i64,
    limit: u64,
) -> Result<Rows<Message>, StoreError> {
    use release_message::{Column, Entity};
    let between = Condition::all().add(Column::Id.gte(Id(first))).add(Column::Id.lte(Id(last)));
    read_messages(db, Entity::find().filter(between).order_by_asc(Column::Id).limit(limit)).await
}

/// The release messages with these ids; rows between them are not read. Those that cannot be decoded
/// are omitted.
pub async fn messages_with_ids(
    db: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<Vec<Message>, StoreError> {
    use release_message::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let messages = Entity::find().filter(Column::Id.is_in(chunk)).order_by_asc(Column::Id);
        found.extend(read_messages(db, messages).await?.readable);
    }
    Ok(found)
}

async fn read_messages(
    db: &impl ConnectionTrait,
    messages: Select<release_message::Entity>,
) -> Result<Rows<Message>, StoreError> {
    use release_message::{Column, Entity};
    let columns = [Column::Id, Column::Message, Column::DataChangeLastTime];
    let rows = readable::read(db, messages.select_only().columns(columns)).await?;
    let message =
        |(id, text, time): (Id, String, StoredTime<Entity>)| Message { id, text, time: *time };
    Ok(rows.map(message))
}

/// Whether each of the messages is stored, or a later one that has its text, for which alone a
/// message is deleted.
pub async fn are_stored_or_replaced(
    db: &impl ConnectionTrait,
    messages: &[Message],
) -> Result<bool, StoreError> {
    use release_message::{Column, Entity};
    let each = messages.iter().fold(Condition::all(), |all, message| {
        let from = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Message.eq(message.text.as_str()))
            .filter(Column::Id.gte(message.id));
        all.add(Expr::exists(from.into_query()))
    });
    let found = Entity::find().filter(each).select_only().column(Column::Id);
    Ok(found.into_tuple::<Id>().one(db).await?.is_some())
}

/// Definition of a namespace: id, app, name, and whether it is public; each is `None` if it cannot
/// be decoded.
pub type Definition = (Id, Option<String>, Option<String>, Option<bool>);

/// Definitions of namespaces of all apps with greater ids, by id.
pub async fn definitions_after(
    db: &impl ConnectionTrait,
    id: i64,
    limit: u64,
) -> Result<Rows<Definition>, StoreError> {
    use app_namespace::{Column, Entity};
    let next = Entity::live().filter(Column::Id.gt(Id(id))).order_by_asc(Column::Id).limit(limit);
    read_definitions(db, next).await
}

/// Definitions of namespaces of all apps that were created or changed within these times, by time;
/// only those behind the last one that was read, if there is one.
pub async fn definitions_changed_within(
    db: &impl ConnectionTrait,
    times: &RangeInclusive<DateTime<Utc>>,
    last: Option<Id>,
    limit: u64,
) -> Result<Rows<Definition>, StoreError> {
    read_definitions(db, changed_within::<app_namespace::Entity>(times, last).limit(limit)).await
}

/// Rows that were changed within these times, behind the last one that was read; by time, because
/// SQLite would read the whole table to have them by id. The database compares its own times, so
/// that their stored form makes no difference.
fn changed_within<E: Standard>(
    times: &RangeInclusive<DateTime<Utc>>,
    last: Option<Id>,
) -> Select<E> {
    let (id, changed) = (primary_key::<E>(), E::LAST_TIME);
    let mut rows = E::live().filter(changed.between(*times.start(), *times.end()));
    if let Some(last) = last {
        let of_last = || {
            let of_last = E::find().select_only().column(changed).filter(id.eq(last));
            Expr::SubQuery(None, Box::new(of_last.into_query().into()))
        };
        let later = ExprTrait::gt(changed.into_expr(), of_last());
        let same = ExprTrait::eq(changed.into_expr(), of_last());
        rows = rows
            .filter(Condition::any().add(later).add(Condition::all().add(same).add(id.gt(last))));
    }
    rows.order_by_asc(changed).order_by_asc(id)
}

/// Ids of the definitions that were deleted at this time or later, those deleted last first.
pub async fn definitions_deleted_since(
    db: &impl ConnectionTrait,
    time: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Id>, StoreError> {
    use app_namespace::{Column, Entity};
    let deleted = Entity::find().filter(Column::IsDeleted.eq(true));
    let deleted = deleted.filter(Column::DataChangeLastTime.gte(time));
    let deleted = deleted.order_by_desc(Column::DataChangeLastTime).order_by_desc(Column::Id);
    let ids = deleted.limit(limit).select_only().column(Column::Id).into_tuple();
    Ok(ids.all(db).await?)
}

async fn read_definitions(
    db: &impl ConnectionTrait,
    definitions: Select<app_namespace::Entity>,
) -> Result<Rows<Definition>, StoreError> {
    use app_namespace::Column;
    let columns = [Column::Id, Column::AppId, Column::Name, Column::IsPublic];
    readable::read_with(db, definitions.select_only().columns(columns), |row| {
        let id = row.try_get_by(0)?;
        let report = |error: &DbErr| readable::report("AppNamespace", id, error);
        let app_id = row.try_get_by(1).inspect_err(report).ok();
        let name = row.try_get_by(2).inspect_err(report).ok();
        Ok((id, app_id, name, row.try_get_by(3).inspect_err(report).ok()))
    })
    .await
}

/// The names of the app's namespaces in all clusters; `None` if one cannot be decoded.
pub async fn namespace_names(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    use namespace::{Column, Entity};
    let names = Entity::live().filter(Column::AppId.eq(app_id)).select_only().distinct();
    let names = names.column(Column::NamespaceName);
    let found = db.query_all_raw(names.build(db.get_database_backend())).await?;
    Ok(found.iter().map(|row| row.try_get_by(0).ok()).collect())
}

/// Clusters and branches of all apps with greater ids (id, app, name), by id.
pub async fn clusters_after(
    db: &impl ConnectionTrait,
    id: i64,
    limit: u64,
) -> Result<Rows<(Id, String, String)>, StoreError> {
    use cluster::{Column, Entity};
    let next = Entity::live().filter(Column::Id.gt(Id(id))).order_by_asc(Column::Id).limit(limit);
    let columns = [Column::Id, Column::AppId, Column::Name];
    readable::read(db, next.select_only().columns(columns)).await
}

/// The same of those that were changed within these times, also of those that were restored, by
/// time; only those behind the last one that was read, if there is one.
pub async fn clusters_changed_within(
    db: &impl ConnectionTrait,
    times: &RangeInclusive<DateTime<Utc>>,
    last: Option<Id>,
    limit: u64,
) -> Result<Rows<(Id, String, String)>, StoreError> {
    use cluster::{Column, Entity};
    let changed = changed_within::<Entity>(times, last).limit(limit);
    let columns = [Column::Id, Column::AppId, Column::Name];
    readable::read(db, changed.select_only().columns(columns)).await
}

/// An access key of an app.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: Id,
    /// `None` if it cannot be decoded.
    pub app_id: Option<String>,
    /// Secret, mode, and whether it is enabled. `None` if they cannot be decoded: such a key must
    /// still protect its app, or a damaged row would open it.
    pub content: Option<(Secret, Small, bool)>,
}

/// The table of access keys.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The keys of all apps, by id.
    pub live: Vec<Key>,
    /// The rows that are marked as deleted, by id.
    pub deleted: Vec<Id>,
}

/// The access keys of all apps, in one statement: of two, one could find a table that is being
/// restored before it is filled, and the other one afterwards.
pub async fn access_keys(db: &impl ConnectionTrait) -> Result<Keys, StoreError> {
    use access_key::{Column, Entity};
    let columns = [Column::Id, Column::AppId, Column::Secret, Column::Mode, Column::IsEnabled];
    let rows = Entity::find().order_by_asc(Column::Id).select_only().columns(columns);
    let rows = rows.column(Column::IsDeleted);
    let rows = readable::read_with(db, rows, |row| {
        let id: Id = row.try_get_by(0)?;
        // A flag that cannot be decoded hides no row.
        if row.try_get_by(5).unwrap_or(false) {
            return Ok((id, None));
        }
        let app_id = row.try_get_by(1);
        let app_id = app_id.map_err(|error| readable::report("AccessKey", id, &error)).ok();
        let content = || Ok((row.try_get_by(2)?, row.try_get_by(3)?, row.try_get_by(4)?));
        let content = content().map_err(|error| readable::report("AccessKey", id, &error)).ok();
        Ok((id, Some(Key { id, app_id, content })))
    });
    let mut keys = Keys::default();
    for (id, live) in rows.await?.readable {
        match live {
            Some(key) => keys.live.push(key),
            None => keys.deleted.push(id),
        }
    }
    Ok(keys)
}

/// The release with this key, abandoned or not.
pub async fn release_by_key(
    db: &impl ConnectionTrait,
    key: &str,
) -> Result<Rows<ReleaseRow>, StoreError> {
    use release::{Column, Entity};
    let found = Entity::live().filter(Column::ReleaseKey.eq(key)).order_by_asc(Column::Id);
    let columns = published::RELEASE_COLUMNS;
    readable::read(db, found.select_only().columns(columns)).await
}
