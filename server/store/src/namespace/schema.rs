//! Queries: the JSON Schemas of namespaces. The table may be missing, because the account may not
//! create it; no namespace has a schema then.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, QueryFilter,
    QueryResult, QuerySelect, QueryTrait, Select, Set,
};

use crate::Store;
use crate::entity::castalia_namespace_schema::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::row::{decode, now};

pub use crate::entity::castalia_namespace_schema::Model as NamespaceSchema;

const TABLE: &str = "CastaliaNamespaceSchema";
/// The columns that name the namespace.
const NAMES: [Column; 3] = [Column::AppId, Column::ClusterName, Column::NamespaceName];

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

/// What is known of the namespace of a schema. A column that cannot be decoded is `None`.
#[derive(Clone, Debug)]
pub struct SchemaPlace {
    pub namespace_id: Option<Id>,
    pub app_id: Option<String>,
    pub cluster: Option<String>,
    pub namespace: Option<String>,
    /// Why one of them is `None`.
    pub damage: Option<StoreError>,
}

impl SchemaPlace {
    fn of(row: &QueryResult) -> Self {
        let namespace_id = row.try_get_by::<Id, _>(Column::NamespaceId.as_str());
        let id = namespace_id.as_ref().ok().copied();
        let mut damage = None;
        let mut note = |column: Column, error: DbErr| {
            readable::report(TABLE, id, &error);
            damage =
                Some(StoreError::Unreadable { table: TABLE, id, column: column.as_str().into() });
        };
        if let Err(error) = namespace_id {
            note(Column::NamespaceId, error);
        }
        let mut text = |column: Column| {
            let text = row.try_get_by::<String, _>(column.as_str());
            text.map_err(|error| note(column, error)).ok()
        };
        let [app_id, cluster, namespace] = NAMES.map(&mut text);
        Self { namespace_id: id, app_id, cluster, namespace, damage }
    }

    /// Whether the schema may be that of the namespace.
    #[must_use]
    pub fn may_be_of(&self, key: &SchemaKey) -> bool {
        self.namespace_id.is_none_or(|id| id == key.namespace_id)
            && self.may_be_named(&key.app_id, &key.namespace)
            && self.cluster.as_ref().is_none_or(|cluster| *cluster == key.cluster)
    }

    /// Whether the schema may be that of a namespace of this name in some cluster of the app.
    #[must_use]
    pub fn may_be_named(&self, app_id: &str, namespace: &str) -> bool {
        self.app_id.as_ref().is_none_or(|known| known == app_id)
            && self.namespace.as_ref().is_none_or(|known| known == namespace)
    }
}

/// The namespaces of an environment that have a schema, also those that have been deleted; none
/// without the table.
pub async fn places_with_schema(store: &Store, env: &str) -> Result<Vec<SchemaPlace>, StoreError> {
    or_none(store, places(store, Entity::find().filter(Column::Env.eq(env))).await)
}

async fn places(store: &Store, rows: Select<Entity>) -> Result<Vec<SchemaPlace>, StoreError> {
    let columns = [Column::NamespaceId].into_iter().chain(NAMES);
    let rows = rows.select_only().columns(columns).build(store.read().get_database_backend());
    let found = store.read().query_all_raw(rows).await?;
    Ok(found.iter().map(SchemaPlace::of).collect())
}

/// The schema of a namespace; none without the table. A row with other names was left by another
/// database of the environment.
///
/// # Errors
/// Fails with [`StoreError::Unreadable`] if the row may be that of the namespace and cannot be
/// decoded.
pub async fn schema(store: &Store, key: &SchemaKey) -> Result<Option<Model>, StoreError> {
    let row = || Entity::find_by_id((key.env.clone(), key.namespace_id));
    match decode::one(store.read(), row()).await {
        Err(error) if error.is_unreadable() => {
            let may_be_of = |place: &SchemaPlace| place.may_be_of(key);
            match places(store, row()).await?.iter().any(may_be_of) {
                true => Err(error),
                false => Ok(None),
            }
        }
        found => Ok(or_none(store, found)?.filter(|row| key.is_of(row))),
    }
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

/// The row of a namespace, locked until the end of the transaction. Columns that cannot be decoded
/// are empty: what is stored replaces them.
///
/// # Errors
/// Fails without the table.
pub async fn lock_schema(
    db: &impl ConnectionTrait,
    env: &str,
    id: Id,
) -> Result<Option<Model>, StoreError> {
    decode::repaired(db, Entity::find_by_id((env.to_owned(), id)).lock_exclusive()).await
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
