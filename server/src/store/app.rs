//! Queries: apps (both databases have the table); clusters are beside this file. What goes with an app is not known here.

mod cluster;

use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::store::Store;
use crate::store::condition::{chunks, contains};
use crate::store::entity::app::{Column, Entity, Model};
use crate::store::error::StoreError;
use crate::store::feed::readable;
use crate::store::number::Id;
use crate::store::page::{self, Page, Paged};
use crate::store::row::{Standard, soft_delete};

pub use cluster::{
    child_clusters, cluster, cluster_by_id, clusters, clusters_with_branches, delete_cluster,
    is_branch, readable_clusters,
};

pub async fn by_app_id(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<Model>, StoreError> {
    Ok(Entity::live().filter(Column::AppId.eq(app_id)).one(db).await?)
}

/// The stored id of an app, in whatever case it is asked for.
pub async fn stored_id(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<String>, StoreError> {
    let lower = Expr::expr(Func::lower(Expr::col(Column::AppId)));
    let app = Entity::live().filter(lower.eq(app_id.to_ascii_lowercase()));
    Ok(app.select_only().column(Column::AppId).into_tuple().one(db).await?)
}

/// The app of this id, locked until the end of the transaction: an app is locked by whatever adds clusters,
/// namespaces or definitions to it, or deletes them, so that nothing appears below a deleted app.
pub async fn lock(db: &impl ConnectionTrait, app_id: &str) -> Result<Option<Model>, StoreError> {
    let app = Entity::live().filter(Column::AppId.eq(app_id)).lock_exclusive();
    Ok(app.one(db).await?)
}

/// Locks the app that was created first, deleted or not, until the end of the transaction: a row that exists before any
/// other one of an environment, for what concerns all apps and has no row of its own yet.
pub async fn lock_first(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    let first = Entity::find().select_only().column(Column::Id).order_by_asc(Column::Id);
    first.limit(1).lock_exclusive().into_tuple::<Id>().one(db).await?;
    Ok(())
}

/// Runs a statement that changes no row: a database that takes no writes refuses it all the same.
pub(super) async fn try_write(store: &Store) -> Result<(), StoreError> {
    store
        .write((), |tx, ()| {
            Box::pin(async move {
                let nothing = Entity::update_many().filter(Column::Id.eq(Id(-1)));
                nothing.col_expr(Column::IsDeleted, Expr::value(true)).exec(tx).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
}

/// Whether an app of this id was deleted; another one may exist since.
pub async fn was_deleted(db: &impl ConnectionTrait, app_id: &str) -> Result<bool, StoreError> {
    let row = Entity::find().filter(Column::AppId.eq(app_id)).filter(Column::IsDeleted.eq(true));
    let id: Option<Id> = row.select_only().column(Column::Id).into_tuple().one(db).await?;
    Ok(id.is_some())
}

/// Unknown app ids are left out; the order is that of the ids.
pub async fn by_app_ids<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    app_ids: &[S],
) -> Result<Vec<Model>, StoreError> {
    let app_ids: Vec<&str> = app_ids.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&app_ids) {
        found.extend(Entity::live().filter(Column::AppId.is_in(chunk)).all(db).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// All apps, in the order of their ids.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    readable::models(db, Entity::live().order_by_asc(Column::Id)).await
}

pub async fn all_page(db: &impl ConnectionTrait, page: &Page) -> Result<Vec<Model>, StoreError> {
    page::list(db, Entity::live(), page).await
}

/// Apps whose name holds the text; `%` and `_` are wildcards.
pub async fn by_name_part(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Model>, StoreError> {
    let apps = Entity::live().filter(contains(db, Column::Name, name)).order_by_asc(Column::Id);
    readable::models(db, apps).await
}

/// Apps whose id or name holds the text; `%` and `_` are wildcards.
pub async fn search(
    db: &impl ConnectionTrait,
    text: &str,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let either = Condition::any().add(contains(db, Column::AppId, text)).add(contains(
        db,
        Column::Name,
        text,
    ));
    page::paged(db, Entity::live().filter(either), page).await
}

/// Hides the app; returns whether it was there.
pub async fn delete(
    db: &impl ConnectionTrait,
    app_id: &str,
    operator: &str,
) -> Result<bool, StoreError> {
    let condition = Condition::all().add(Column::AppId.eq(app_id));
    Ok(soft_delete::<Entity>(db, condition, operator).await? > 0)
}
