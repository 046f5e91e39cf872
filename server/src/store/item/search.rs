//! Query: items of all apps by parts of key and value.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QuerySelect,
};

use crate::store::condition::contains;
use crate::store::entity::{item, namespace};
use crate::store::error::StoreError;
use crate::store::page::{self, Page, Paged};
use crate::store::row::Standard;

/// An item and where it is.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Hit {
    pub app_id: String,
    pub cluster_name: String,
    pub namespace_name: String,
    pub key: String,
    pub value: String,
}

/// Live items of live namespaces whose key and value hold the texts. An empty text does not restrict; `%` and `_` are
/// wildcards.
pub async fn search(
    db: &impl ConnectionTrait,
    key: &str,
    value: &str,
    page: &Page,
) -> Result<Paged<Hit>, StoreError> {
    let to_namespace = item::Entity::belongs_to(namespace::Entity)
        .from(item::Column::NamespaceId)
        .to(namespace::Column::Id)
        .into();
    let mut found = item::Entity::live()
        .join(JoinType::InnerJoin, to_namespace)
        .filter(namespace::Column::IsDeleted.eq(false));
    if !key.is_empty() {
        found = found.filter(contains(db, item::Column::Key, key));
    }
    if !value.is_empty() {
        found = found.filter(contains(db, item::Column::Value, value));
    }
    let total = page::count(db, found.clone()).await?;
    let rows = page
        .of(found)?
        .select_only()
        .column_as(namespace::Column::AppId, "app_id")
        .column_as(namespace::Column::ClusterName, "cluster_name")
        .column_as(namespace::Column::NamespaceName, "namespace_name")
        .column_as(item::Column::Key, "key")
        .column_as(item::Column::Value, "value")
        .into_model()
        .all(db)
        .await?;
    Ok(Paged { rows, total })
}
