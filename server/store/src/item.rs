//! Queries: items; those of commits are in a file below. The rules for edits are not known here.

mod commit;
mod search;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use crate::condition::chunks;
use crate::entity::item::{Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::{Standard, soft_delete};

pub use commit::{commits, commits_since, commits_with_key, delete_commits_of_namespace};
pub use search::{Hit, search};

pub async fn by_id(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::live_by_id(id.into()).one(db).await?)
}

/// The items of the namespace, by line.
pub async fn of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Vec<Model>, StoreError> {
    Ok(by_line(namespace_id).all(db).await?)
}

/// The same for a list, without rows that cannot be decoded.
pub async fn readable_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Vec<Model>, StoreError> {
    readable::models(db, by_line(namespace_id)).await
}

fn by_line(namespace_id: Id) -> Select<Entity> {
    Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .order_by_asc(Column::LineNum)
        .order_by_asc(Column::Id)
}

/// Keys and values of the namespace by line, the content of a release.
pub async fn content_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Vec<(String, String)>, StoreError> {
    let content = by_line(namespace_id).select_only().columns([Column::Key, Column::Value]);
    Ok(content.into_tuple().all(db).await?)
}

pub async fn page_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    page::paged(db, Entity::live().filter(Column::NamespaceId.eq(namespace_id)), page).await
}

/// Items that were changed later than this time, by id.
pub async fn modified_after(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    time: DateTime<Utc>,
) -> Result<Vec<Model>, StoreError> {
    let items = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .filter(Column::DataChangeLastTime.gt(time))
        .order_by_asc(Column::Id);
    readable::models(db, items).await
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
    Ok(item.one(db).await?)
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
    Ok(items.limit(limit).all(db).await?)
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
    Ok(item.one(db).await?)
}

/// The items with exactly this key in all namespaces.
pub async fn page_by_key(
    db: &impl ConnectionTrait,
    key: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    page::list(db, Entity::live().filter(Column::Key.eq(key)), page).await
}

/// The greatest line number; `None` if there are no items.
pub async fn last_line(
    db: &impl ConnectionTrait,
    namespace_id: Id,
) -> Result<Option<Id>, StoreError> {
    let last: Option<Option<Id>> = Entity::live()
        .filter(Column::NamespaceId.eq(namespace_id))
        .select_only()
        .column_as(Column::LineNum.max(), "Last")
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten())
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

/// Hides the item; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, operator: &str) -> Result<bool, StoreError> {
    Ok(soft_delete::<Entity>(db, Condition::all().add(Column::Id.eq(id)), operator).await? > 0)
}

/// Hides all items of the namespace.
pub async fn delete_of_namespace(
    db: &impl ConnectionTrait,
    namespace_id: Id,
    operator: &str,
) -> Result<u64, StoreError> {
    let condition = Condition::all().add(Column::NamespaceId.eq(namespace_id));
    soft_delete::<Entity>(db, condition, operator).await
}
