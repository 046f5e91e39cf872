//! Query: items of all apps by parts of key and value.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, Select,
};

use crate::condition::{chunks, contains};
use crate::entity::item;
use crate::entity::namespace::{self, Column};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_surely_unset;
use crate::length::{self, Measured};
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::Standard;

/// An item with the names of its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub app_id: String,
    pub cluster_name: String,
    pub namespace_name: String,
    pub key: String,
    pub value: String,
}

type FoundItem = (Id, String, String, String, String, String);

/// Live items of live namespaces whose key and value contain the texts. An empty text matches all;
/// `%` and `_` are wildcards. Rows that cannot be decoded are omitted, and so are the last ones of a
/// page whose values are too long for one list.
pub async fn search(
    db: &impl ConnectionTrait,
    key: &str,
    value: &str,
    page: &Page,
) -> Result<Paged<Hit>, StoreError> {
    let mut found = with_namespaces();
    if !key.is_empty() {
        found = found.filter(contains(db, item::Column::Key, key));
    }
    if !value.is_empty() {
        found = found.filter(contains(db, item::Column::Value, value));
    }
    let total = page::count(db, found.clone()).await?;
    let measured = length::measured(db, page.of(found)?, item::Column::Value).await?;
    let rows = hits(db, length::first(&measured, length::LIST)).await?;
    Ok(Paged { rows, total })
}

fn with_namespaces() -> Select<item::Entity> {
    let to_namespace = item::Entity::belongs_to(namespace::Entity)
        .from(item::Column::NamespaceId)
        .to(Column::Id)
        .into();
    item::Entity::live()
        .join(JoinType::InnerJoin, to_namespace)
        .filter(is_surely_unset(Column::IsDeleted.into_expr()))
}

/// These items, in their order.
async fn hits(db: &impl ConnectionTrait, rows: &[Measured]) -> Result<Vec<Hit>, StoreError> {
    let mut found = HashMap::with_capacity(rows.len());
    for chunk in chunks(&length::ids(rows)) {
        let columns = with_namespaces()
            .filter(item::Column::Id.is_in(chunk))
            .select_only()
            .column(item::Column::Id)
            .columns([Column::AppId, Column::ClusterName, Column::NamespaceName])
            .columns([item::Column::Key, item::Column::Value]);
        let items = readable::read::<_, FoundItem>(db, columns).await?.readable;
        found.extend(items.into_iter().map(|item| (item.0, item)));
    }
    let hit = |(_, app_id, cluster_name, namespace_name, key, value): FoundItem| Hit {
        app_id,
        cluster_name,
        namespace_name,
        key,
        value,
    };
    Ok(rows.iter().filter_map(|row| found.remove(&row.id)).map(hit).collect())
}
