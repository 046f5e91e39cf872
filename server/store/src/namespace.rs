//! Queries: namespaces, including those of branches; those of definitions (app namespaces), edit
//! locks and schemas are in files below. The content of a namespace is not known here.

mod definition;
mod family;
mod lock;
mod publish_state;
mod publishable;
mod schema;

use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::condition::chunks;
use crate::entity::namespace::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::number::Id;
use crate::page::{self, Page};
use crate::row::batch;
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, InNamespace, Standard};

pub use crate::entity::namespace::{Model as Namespace, Row as NamespaceRow};
pub use definition::{
    AppNamespace, AppNamespaceRow, all_app_namespaces, app_namespace, app_namespace_names,
    app_namespace_names_without, app_namespace_to_remove, app_namespaces, app_namespaces_named,
    delete_app_namespace, delete_app_namespaces, insert_app_namespace, public_app_namespace,
    public_app_namespaces, public_app_namespaces_named, search_app_namespaces,
};
pub use family::lock_family;
pub use lock::{NamespaceLock, delete_lock, delete_locks, insert_lock, lock, locks};
pub use publish_state::{PublishState, publish_states};
pub use publishable::{Publishable, publishable};
pub use schema::{
    NamespaceSchema, SchemaKey, SchemaPlace, delete_schema, insert_schema, lock_schema,
    places_with_schema, schema, update_schema,
};

pub async fn by_id(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id.into())).await
}

/// The namespaces with these ids by id, for a list: unknown ones and those that cannot be decoded
/// are omitted.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        found.extend(readable::models(db, Entity::live().filter(Column::Id.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

pub async fn find(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_in_namespace(app_id, cluster, namespace)).await
}

/// Whether there is a namespace with these names, even if its row cannot be decoded.
pub async fn exists(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<bool, StoreError> {
    let named = Entity::live_in_namespace(app_id, cluster, namespace);
    let id: Option<Id> = named.select_only().column(Column::Id).into_tuple().one(db).await?;
    Ok(id.is_some())
}

/// The namespaces of a cluster or a branch by id, to be removed: a name that cannot be decoded is
/// empty.
pub async fn of_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<Vec<Model>, StoreError> {
    of_clusters(db, app_id, &[cluster]).await
}

/// The same for several clusters.
pub async fn of_clusters(
    db: &impl ConnectionTrait,
    app_id: &str,
    clusters: &[&str],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(clusters) {
        let namespaces = Entity::live()
            .filter(Column::AppId.eq(app_id))
            .filter(Column::ClusterName.is_in(chunk))
            .order_by_asc(Column::Id);
        found.extend(decode::all_repaired(db, namespaces).await?);
    }
    Ok(found)
}

/// The same for a list, without rows that cannot be decoded.
pub async fn readable_of_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<Vec<Model>, StoreError> {
    let namespaces = Entity::live().filter(in_cluster(app_id, cluster)).order_by_asc(Column::Id);
    readable::models(db, namespaces).await
}

/// Names of the namespaces of these clusters or branches, without rows that cannot be decoded.
pub async fn names_in_clusters(
    db: &impl ConnectionTrait,
    app_id: &str,
    clusters: &[String],
) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for chunk in chunks(clusters) {
        let namespaces = Entity::live()
            .filter(Column::AppId.eq(app_id))
            .filter(Column::ClusterName.is_in(chunk));
        let found = readable::models(db, namespaces).await?;
        names.extend(found.into_iter().map(|row| row.namespace_name));
    }
    Ok(names)
}

/// The namespaces of all clusters and branches of an app by id, without rows that cannot be
/// decoded.
pub async fn readable_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<Model>, StoreError> {
    let namespaces = Entity::live().filter(Column::AppId.eq(app_id)).order_by_asc(Column::Id);
    readable::models(db, namespaces).await
}

/// The greatest number of namespaces in one of these clusters, with its name; `None` if all are
/// empty.
pub async fn largest_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    clusters: &[&str],
) -> Result<Option<(String, u64)>, StoreError> {
    let mut largest: Option<(String, u64)> = None;
    for chunk in chunks(clusters) {
        let counts: Vec<(String, i64)> = Entity::live()
            .filter(Column::AppId.eq(app_id))
            .filter(Column::ClusterName.is_in(chunk))
            .select_only()
            .column(Column::ClusterName)
            .column_as(Column::Id.count(), "count")
            .group_by(Column::ClusterName)
            .into_tuple()
            .all(db)
            .await?;
        let counts = counts.into_iter().map(|(name, count)| (name, count.unsigned_abs()));
        largest = largest.into_iter().chain(counts).max_by_key(|(_, count)| *count);
    }
    Ok(largest)
}

/// The namespaces with this name in all clusters and branches of the app, by id. A cluster that
/// cannot be decoded is empty.
pub async fn named(
    db: &impl ConnectionTrait,
    app_id: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let namespaces = Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::NamespaceName.eq(namespace))
        .order_by_asc(Column::Id);
    decode::all_repaired(db, namespaces).await
}

/// Locks the namespaces of a cluster, oldest first.
pub async fn lock_cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
) -> Result<(), StoreError> {
    lock_where(db, in_cluster(app_id, cluster)).await
}

/// The namespaces with this name in all apps.
pub async fn named_page(
    db: &impl ConnectionTrait,
    namespace: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    page::list(db, Entity::live().filter(Column::NamespaceName.eq(namespace)), page).await
}

/// Number of namespaces with this name in other apps, including branches.
pub async fn count_named_elsewhere(
    db: &impl ConnectionTrait,
    namespace: &str,
    app_id: &str,
) -> Result<u64, StoreError> {
    let others =
        Entity::live().filter(Column::NamespaceName.eq(namespace)).filter(Column::AppId.ne(app_id));
    page::count(db, others).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: NamespaceRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Inserts several namespaces of one app, and returns them in this order.
pub async fn insert_all(
    db: &impl ConnectionTrait,
    app_id: &str,
    rows: Vec<NamespaceRow>,
    operator: &str,
) -> Result<Vec<Model>, StoreError> {
    let author = Authorship::of(operator);
    let rows = rows.into_iter().map(|row| ActiveModel::of(row, author.clone())).collect();
    let within = Condition::all().add(Column::AppId.eq(app_id));
    batch::insert_all(db, rows, &within, &[Column::ClusterName, Column::NamespaceName]).await
}

/// Hides the namespace; returns whether it existed.
pub async fn delete(db: &impl ConnectionTrait, id: Id, by: &Deletion) -> Result<bool, StoreError> {
    Ok(by.hide::<Entity>(db, Condition::all().add(Column::Id.eq(id))).await? > 0)
}

/// Locks the rows by id that it found without a lock: an engine that locks while it searches would
/// also wait for rows that do not match. The lock of the app prevents new rows.
pub(super) async fn lock_where(
    db: &impl ConnectionTrait,
    condition: Condition,
) -> Result<(), StoreError> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    let found = Entity::live().filter(condition).select_only().column(Column::Id);
    let ids: Vec<Id> = found.order_by_asc(Column::Id).into_tuple().all(db).await?;
    for chunk in chunks(&ids) {
        let rows = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(chunk));
        rows.order_by_asc(Column::Id).lock_exclusive().into_tuple::<Id>().all(db).await?;
    }
    Ok(())
}

fn in_cluster(app_id: &str, cluster: &str) -> Condition {
    Condition::all().add(Column::AppId.eq(app_id)).add(Column::ClusterName.eq(cluster))
}
