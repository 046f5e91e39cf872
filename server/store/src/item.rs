//! Queries: items; those of commits are in a file below. The rules for edits are not known here.

mod batch;
mod commit;
mod content;
mod search;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
};

use crate::condition::{CONDITIONS, chunks};
use crate::entity::item::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::length::{self, Measured};
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard, soft_delete};

pub use crate::entity::item::{Model as Item, Row as ItemRow};
pub use batch::{delete_all, insert_all, update_all};
pub use commit::{
    Commit, CommitRow, commits, commits_in_order, commits_with_key, delete_commits_of_namespace,
    insert_commit, measured_commits, measured_commits_of_each,
};
pub use content::{Content, content_of_namespace, content_to_publish};
pub(crate) use content::{content_row_by_row, in_one_row, intact};
pub use search::{Hit, search};

pub async fn by_id(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id.into())).await
}

/// The item, for a caller that removes it.
pub async fn to_remove(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::repaired(db, Entity::live_by_id(id.into())).await
}

/// The item, for a caller that writes it again.
pub async fn to_replace(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::healed(db, Entity::live_by_id(id.into())).await
}

/// The items of the namespace by line, for a caller that removes some and writes those in
/// `replaced` again.
pub async fn to_edit(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    replaced: &[Id],
) -> Result<Vec<Model>, StoreError> {
    decode::all_to_edit(db, by_line(namespace_id), replaced).await
}

/// The same for a list, without rows that cannot be decoded.
pub async fn readable_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Vec<Model>, StoreError> {
    readable::models(db, by_line(namespace_id)).await
}

/// The same for several namespaces, by namespace and line.
pub async fn readable_of_namespaces(
    db: &impl ConnectionTrait,
    namespace_ids: &[Id],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(namespace_ids) {
        let items = Entity::live()
            .filter(Column::NamespaceId.is_in(chunk))
            .order_by_asc(Column::NamespaceId)
            .order_by_asc(Column::LineNum)
            .order_by_asc(Column::Id);
        found.extend(readable::models(db, items).await?);
    }
    Ok(found)
}

/// The length of the values of the namespaces together, in bytes.
pub async fn length_in_namespaces(
    db: &impl ConnectionTrait,
    namespace_ids: &[Id],
) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for chunk in chunks(namespace_ids) {
        let items = Entity::live().filter(Column::NamespaceId.is_in(chunk));
        bytes += length::sum(db, items, Column::Value).await?;
    }
    Ok(bytes)
}

/// Those of the namespaces that have items.
pub async fn namespaces_with_items(
    db: &impl ConnectionTrait,
    namespace_ids: &[Id],
) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(namespace_ids) {
        let items = Entity::live().filter(Column::NamespaceId.is_in(chunk));
        let ids = items.select_only().column(Column::NamespaceId).distinct();
        found.extend(ids.into_tuple::<Id>().all(db).await?);
    }
    Ok(found)
}

fn by_line(namespace_id: Id) -> Select<Entity> {
    Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .order_by_asc(Column::LineNum)
        .order_by_asc(Column::Id)
}

pub async fn page_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let items = Entity::live().filter(Column::NamespaceId.eq(namespace_id));
    page::paged_within(db, items, Column::Value, page).await
}

/// Items that were changed later than the time of their namespace.
pub async fn modified_after(
    db: &impl ConnectionTrait,
    times: &[(Id, DateTime<Utc>)],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in times.chunks(CONDITIONS) {
        found.extend(readable::models(db, changed_after(chunk)).await?);
    }
    Ok(found)
}

/// The namespaces of these items, and the lengths of their values in each.
pub async fn modified_lengths(
    db: &impl ConnectionTrait,
    times: &[(Id, DateTime<Utc>)],
) -> Result<Vec<Measured>, StoreError> {
    let mut found = Vec::new();
    for chunk in times.chunks(CONDITIONS) {
        let items = changed_after(chunk);
        found.extend(length::sums(db, items, Column::NamespaceId, Column::Value).await?);
    }
    Ok(found)
}

fn changed_after(times: &[(Id, DateTime<Utc>)]) -> Select<Entity> {
    let any = times.iter().fold(Condition::any(), |any, (namespace_id, time)| {
        let changed = Condition::all()
            .add(Column::NamespaceId.eq(*namespace_id))
            .add(Column::DataChangeLastTime.gt(*time));
        any.add(changed)
    });
    Entity::live().filter(any)
}

/// The item with this key; the oldest if there are several.
pub async fn by_key(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    key: &str,
) -> Result<Option<Model>, StoreError> {
    let item = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .filter(Column::Key.eq(key))
        .order_by_asc(Column::Id);
    decode::one(db, item).await
}

/// Hides the items with these keys that cannot be decoded, so that a new one can take their place.
/// Returns their ids.
pub async fn remove_unreadable(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    keys: &[&str],
    operator: &str,
) -> Result<Vec<Id>, StoreError> {
    let mut removed = Vec::new();
    for chunk in chunks(keys) {
        let items = Entity::live().filter(Column::NamespaceId.eq(namespace_id));
        let ids = decode::unreadable(db, items.filter(Column::Key.is_in(chunk))).await?;
        delete_all(db, &ids, operator).await?;
        removed.extend(ids);
    }
    Ok(removed)
}

/// Items with exactly this key: one, unless Apollo's nodes wrote it twice.
pub async fn with_key(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    key: &str,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let items = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .filter(Column::Key.eq(key))
        .order_by_asc(Column::Id);
    decode::all(db, items.limit(limit)).await
}

/// One of the keys that several items have.
pub async fn repeated_key(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    keys: &[&str],
) -> Result<Option<String>, StoreError> {
    for chunk in chunks(keys) {
        let repeated: Option<String> = Entity::live()
            .filter(Column::NamespaceId.eq(namespace_id))
            .filter(Column::Key.is_in(chunk))
            .select_only()
            .column(Column::Key)
            .group_by(Column::Key)
            .having(ExprTrait::gt(Column::Id.count(), 1))
            .into_tuple()
            .one(db)
            .await?;
        if repeated.is_some() {
            return Ok(repeated);
        }
    }
    Ok(None)
}

/// The comment line with this text.
pub async fn comment_line(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    comment: &str,
) -> Result<Option<Model>, StoreError> {
    let item = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .filter(Column::Key.eq(""))
        .filter(Column::Comment.eq(comment))
        .order_by_asc(Column::Id);
    decode::repaired(db, item).await
}

/// Ids of the namespaces of a page of the items with exactly this key.
pub async fn page_by_key(
    db: &impl ConnectionTrait,
    key: &str,
    page: &Page,
) -> Result<Vec<Id>, StoreError> {
    let items = page.of(Entity::live().filter(Column::Key.eq(key)))?;
    let columns = items.select_only().columns([Column::Id, Column::NamespaceId]);
    let found = readable::read::<_, (Id, Id)>(db, columns).await?;
    Ok(found.map(|(_, namespace_id)| namespace_id).readable)
}

/// The greatest line number; `None` if there are no items. If one of them cannot be decoded, the
/// number of items is returned.
pub async fn last_line(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Option<Id>, StoreError> {
    let last = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .select_only()
        .column_as(Column::LineNum.max(), "Last");
    let last = db.query_one_raw(last.build(db.get_database_backend())).await?;
    match last.map(|row| row.try_get_by::<Option<Id>, _>(0)).transpose() {
        Ok(last) => Ok(last.flatten()),
        Err(_) => Ok(i64::try_from(count(db, namespace_id).await?).ok().map(Id)),
    }
}

/// Number of items with a key; comments and blank lines have none.
pub async fn count_with_key(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<u64, StoreError> {
    let items =
        Entity::live().filter(Column::NamespaceId.eq(namespace_id)).filter(Column::Key.ne(""));
    page::count(db, items).await
}

/// Number of items, including comments and blank lines.
pub async fn count(db: &impl ConnectionTrait, namespace_id: Id) -> Result<u64, StoreError> {
    page::count(db, Entity::live().filter(Column::NamespaceId.eq(namespace_id))).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: ItemRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Writes the differences between two states of an item; returns whether there are any.
pub async fn update(
    db: &impl ConnectionTrait,
    old: &Model,
    new: &Model,
) -> Result<bool, StoreError> {
    row::update(db, old, new).await
}

/// Hides the item; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, operator: &str) -> Result<bool, StoreError> {
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}

/// Hides all items of the namespace.
pub async fn delete_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    by: &Deletion,
) -> Result<u64, StoreError> {
    let condition = Condition::all().add(Column::NamespaceId.eq(namespace_id));
    by.hide::<Entity>(db, condition).await
}
