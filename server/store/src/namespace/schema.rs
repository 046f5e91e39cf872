//! Queries: the JSON Schemas of namespaces. The table may be missing, because the account may not
//! create it; no namespace has a schema then.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Set,
};

use crate::Store;
use crate::entity::castalia_namespace_schema::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::number::Id;
use crate::row::now;

pub use crate::entity::castalia_namespace_schema::Model as NamespaceSchema;

/// A namespace of an environment.
#[derive(Clone, Debug)]
pub struct SchemaKey {
    pub env: String,
    /// Row id in the environment.
    pub namespace_id: Id,
    pub app_id: String,
    pub cluster: String,
    pub namespace: String,
}

/// App, cluster and namespace of the namespaces of an environment that have a schema, also of those
/// that have been deleted; none without the table.
pub async fn names_with_schema(
    store: &Store,
    env: &str,
) -> Result<Vec<(String, String, String)>, StoreError> {
    let rows = Entity::find().filter(Column::Env.eq(env));
    let columns = [Column::AppId, Column::ClusterName, Column::NamespaceName];
    let rows = rows.select_only().columns(columns).into_tuple().all(store.read()).await;
    or_none(store, rows.map_err(StoreError::from))
}

/// The schema of a namespace; none without the table. A row with other names was left by another
/// database of the environment.
pub async fn schema(store: &Store, key: &SchemaKey) -> Result<Option<Model>, StoreError> {
    let row = Entity::find_by_id((key.env.clone(), key.namespace_id)).one(store.read()).await;
    Ok(or_none(store, row.map_err(Into::into))?.filter(|row| key.is_of(row)))
}

impl SchemaKey {
    /// Whether a row with this id is that of the namespace.
    pub fn is_of(&self, row: &Model) -> bool {
        [&row.app_id, &row.cluster_name, &row.namespace_name]
            == [&self.app_id, &self.cluster, &self.namespace]
    }

    fn row(&self, text: &str, operator: &str) -> ActiveModel {
        ActiveModel {
            env: Set(self.env.clone()),
            namespace_id: Set(self.namespace_id),
            app_id: Set(self.app_id.clone()),
            cluster_name: Set(self.cluster.clone()),
            namespace_name: Set(self.namespace.clone()),
            text: Set(text.to_owned()),
            changed_by: Set(operator.to_owned()),
            changed_time: Set(now().into()),
        }
    }
}

/// The same, locked until the end of the transaction.
///
/// # Errors
/// Fails without the table.
pub async fn lock_schema(
    db: &impl ConnectionTrait,
    env: &str,
    id: Id,
) -> Result<Option<Model>, StoreError> {
    let row = Entity::find_by_id((env.to_owned(), id)).lock_exclusive();
    Ok(row.one(db).await?)
}

/// Stores the first schema of a namespace.
///
/// # Errors
/// Fails with [`StoreError::Duplicate`] if it has one.
pub async fn insert_schema(
    db: &impl ConnectionTrait,
    key: &SchemaKey,
    text: &str,
    operator: &str,
) -> Result<(), StoreError> {
    Entity::insert(key.row(text, operator)).exec_without_returning(db).await?;
    Ok(())
}

/// Replaces the schema of a namespace.
pub async fn update_schema(
    db: &impl ConnectionTrait,
    key: &SchemaKey,
    text: &str,
    operator: &str,
) -> Result<(), StoreError> {
    Entity::update(key.row(text, operator)).exec(db).await?;
    Ok(())
}

/// Removes the schema of a namespace.
pub async fn delete_schema(db: &impl ConnectionTrait, env: &str, id: Id) -> Result<(), StoreError> {
    Entity::delete_by_id((env.to_owned(), id)).exec(db).await?;
    Ok(())
}

/// Nothing without the table. MySQL answers in the same way whether the table is missing or denied.
fn or_none<T: Default>(store: &Store, found: Result<T, StoreError>) -> Result<T, StoreError> {
    let is_mysql = store.read().get_database_backend() == DbBackend::MySql;
    match found {
        Err(error) if error.is_missing_table() || is_mysql && error.is_denied() => Ok(T::default()),
        found => found,
    }
}
