//! Queries for what has nothing to lose and gives way to a restoration: rows that nobody has used
//! are removed and not only hidden, because there is nothing to restore.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};

use crate::condition::chunks;
use crate::entity::{
    app, app_namespace, cluster, commit, item, namespace, release, release_history,
};
use crate::error::StoreError;
use crate::flag::{is_set, is_unset};
use crate::number::Id;
use crate::row::{InNamespace, Standard};

/// Whether something was edited or published in a namespace of the app, or one of them has a
/// branch.
pub async fn is_app_used(db: &impl ConnectionTrait, app_id: &str) -> Result<bool, StoreError> {
    if is_any_of_app::<commit::Entity>(db, app_id).await?
        || is_any_of_app::<release::Entity>(db, app_id).await?
        || is_any_of_app::<release_history::Entity>(db, app_id).await?
    {
        return Ok(true);
    }
    let branches = cluster::Entity::live()
        .filter(cluster::Column::AppId.eq(app_id))
        .filter(cluster::Column::ParentClusterId.ne(Id(0)));
    if is_any(db, branches).await? {
        return Ok(true);
    }
    let mut namespaces = Query::select();
    namespaces
        .column(namespace::Column::Id)
        .from(namespace::Entity)
        .and_where(namespace::Column::AppId.eq(app_id))
        .and_where(is_unset(namespace::Column::IsDeleted.into_expr()));
    // Deleted ones too: somebody edited them, even if the commits were purged.
    let of_app = Expr::col(item::Column::NamespaceId).in_subquery(namespaces);
    is_any(db, item::Entity::find().filter(of_app)).await
}

/// Removes a locked app that nobody has used. Its definitions, clusters and access keys remain.
pub async fn remove_app(db: &impl ConnectionTrait, id: Id) -> Result<(), StoreError> {
    app::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Removes hidden definitions in whose place the app has others.
pub async fn remove_hidden_definitions(
    db: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<(), StoreError> {
    for chunk in chunks(ids) {
        let some = app_namespace::Entity::delete_many();
        some.filter(app_namespace::Column::Id.is_in(chunk))
            .filter(is_set(app_namespace::Column::IsDeleted.into_expr()))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Removes a cluster whose namespaces were removed.
pub async fn remove_cluster(db: &impl ConnectionTrait, id: Id) -> Result<(), StoreError> {
    cluster::Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Removes a locked namespace in which nobody has edited or published anything. Returns whether it
/// is one.
pub async fn remove_namespace(
    db: &impl ConnectionTrait,
    row: &namespace::Model,
) -> Result<bool, StoreError> {
    // Deleted items too, as above.
    let items = item::Entity::find().filter(item::Column::NamespaceId.eq(row.id));
    if is_in_namespace::<commit::Entity>(db, row).await?
        || is_in_namespace::<release::Entity>(db, row).await?
        || is_in_namespace::<release_history::Entity>(db, row).await?
        || is_any(db, items).await?
    {
        return Ok(false);
    }
    namespace::Entity::delete_by_id(row.id).exec(db).await?;
    Ok(true)
}

async fn is_in_namespace<E: InNamespace>(
    db: &impl ConnectionTrait,
    row: &namespace::Model,
) -> Result<bool, StoreError> {
    let rows = E::live_in_namespace(&row.app_id, &row.cluster_name, &row.namespace_name);
    is_any(db, rows).await
}

async fn is_any_of_app<E: InNamespace>(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<bool, StoreError> {
    let [of_app, ..] = E::PLACE;
    is_any(db, E::live().filter(of_app.eq(app_id))).await
}

async fn is_any<E: EntityTrait>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
) -> Result<bool, StoreError> {
    let found = rows.select_only().expr(Expr::val(1)).limit(1).into_tuple::<i32>();
    Ok(found.one(db).await?.is_some())
}
