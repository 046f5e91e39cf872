//! Query: items of all apps by parts of key and value.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QuerySelect};

use crate::condition::contains;
use crate::entity::item;
use crate::entity::namespace::{self, Column};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_surely_unset;
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
/// `%` and `_` are wildcards. Rows that cannot be decoded are omitted.
pub async fn search(
    db: &impl ConnectionTrait,
    key: &str,
    value: &str,
    page: &Page,
) -> Result<Paged<Hit>, StoreError> {
    let to_namespace = item::Entity::belongs_to(namespace::Entity)
        .from(item::Column::NamespaceId)
        .to(Column::Id)
        .into();
    let mut found = item::Entity::live()
        .join(JoinType::InnerJoin, to_namespace)
        .filter(is_surely_unset(Column::IsDeleted.into_expr()));
    if !key.is_empty() {
        found = found.filter(contains(db, item::Column::Key, key));
    }
    if !value.is_empty() {
        found = found.filter(contains(db, item::Column::Value, value));
    }
    let total = page::count(db, found.clone()).await?;
    let place = [Column::AppId, Column::ClusterName, Column::NamespaceName];
    let rows = page
        .of(found)?
        .select_only()
        .column(item::Column::Id)
        .columns(place)
        .columns([item::Column::Key, item::Column::Value]);
    let hit = |(_, app_id, cluster_name, namespace_name, key, value): FoundItem| Hit {
        app_id,
        cluster_name,
        namespace_name,
        key,
        value,
    };
    Ok(Paged { rows: readable::read(db, rows).await?.map(hit).readable, total })
}
