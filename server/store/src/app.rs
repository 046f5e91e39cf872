//! Queries: apps (both databases have the table); those of clusters are in a file below. The
//! objects of an app are not known here.

mod cluster;

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::Store;
use crate::audit::trail;
use crate::condition::{chunks, contains, contains_exactly, is_as_long_as};
use crate::entity::app::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_set;
use crate::number::Id;
use crate::page::{self, Page, Paged};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard};

pub use crate::entity::app::{Model as App, Row as AppRow};
pub use cluster::{
    Cluster, ClusterRow, branches_among, child_clusters, cluster, cluster_by_id, cluster_names,
    cluster_to_remove, clusters, clusters_with_branches, delete_cluster, insert_cluster,
    was_cluster_deleted,
};

pub async fn by_app_id(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live().filter(Column::AppId.eq(app_id))).await
}

/// The stored id of an app, compared without regard to the case of ASCII letters. The database does
/// not compare: in some locales, it does not find `INFRA` for `infra`.
pub async fn stored_id(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Option<String>, StoreError> {
    let as_long = Entity::live().filter(is_as_long_as(Column::AppId, [app_id]));
    let columns = [Column::Id, Column::AppId];
    let as_long = as_long.order_by_asc(Column::Id).select_only().columns(columns);
    let found: Vec<(Id, String)> = readable::read(db, as_long).await?.readable;
    let mut app_ids = found.into_iter().map(|(_, stored)| stored);
    Ok(app_ids.find(|stored| stored.eq_ignore_ascii_case(app_id)))
}

/// The app with this id, locked until the end of the transaction. Every transaction that adds or
/// deletes clusters, namespaces or definitions of an app takes this lock, so that nothing is added
/// to a deleted app.
pub async fn lock(db: &impl ConnectionTrait, app_id: &str) -> Result<Option<Model>, StoreError> {
    let app = Entity::live().filter(Column::AppId.eq(app_id)).lock_exclusive();
    decode::one(db, app).await
}

/// Locks the app that was created first, deleted or not, until the end of the transaction. It is
/// the oldest row of an environment, and serialises changes that concern all apps and have no row
/// of their own yet.
pub async fn lock_first(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    let first = Entity::find().select_only().column(Column::Id).order_by_asc(Column::Id);
    first.limit(1).lock_exclusive().into_tuple::<Id>().one(db).await?;
    Ok(())
}

/// Runs a statement that changes no row, but that a database which rejects writes refuses as well.
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

/// Whether an app with this id was deleted; another one may have been created since.
pub async fn was_deleted(db: &impl ConnectionTrait, app_id: &str) -> Result<bool, StoreError> {
    let row = Entity::find()
        .filter(Column::AppId.eq(app_id))
        .filter(is_set(Column::IsDeleted.into_expr()));
    let id: Option<Id> = row.select_only().column(Column::Id).into_tuple().one(db).await?;
    Ok(id.is_some())
}

/// The apps with these ids, by id; unknown ones are omitted.
pub async fn by_app_ids<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    app_ids: &[S],
) -> Result<Vec<Model>, StoreError> {
    let app_ids: Vec<&str> = app_ids.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&app_ids) {
        found
            .extend(readable::models(db, Entity::live().filter(Column::AppId.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| row.id);
    Ok(found)
}

/// The apps of these rows, in the order of the ids; deleted ones are omitted.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        found.extend(readable::models(db, Entity::live().filter(Column::Id.is_in(chunk))).await?);
    }
    found.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    Ok(found)
}

/// All apps, by id.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, StoreError> {
    readable::models(db, Entity::live().order_by_asc(Column::Id)).await
}

pub async fn all_page(db: &impl ConnectionTrait, page: &Page) -> Result<Vec<Model>, StoreError> {
    page::list(db, Entity::live(), page).await
}

/// Apps whose name contains the text; `%` and `_` are wildcards.
pub async fn by_name_part(db: &impl ConnectionTrait, name: &str) -> Result<Vec<Model>, StoreError> {
    let apps = Entity::live().filter(contains(db, Column::Name, name)).order_by_asc(Column::Id);
    readable::models(db, apps).await
}

/// Apps whose id or name contains the text.
pub async fn search(
    db: &impl ConnectionTrait,
    text: &str,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let either = Condition::any()
        .add(contains_exactly(db, Column::AppId, text))
        .add(contains_exactly(db, Column::Name, text));
    page::paged(db, Entity::live().filter(either), page).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: AppRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    let created = row::insert(db, ActiveModel::of(row, author)).await?;
    note(&created);
    Ok(created)
}

fn note(app: &Model) {
    trail::wrote("App", app.id, &[("Name", Some(&app.name)), ("AppId", Some(&app.app_id))]);
}

/// Writes the differences between two states of an app; returns whether there are any.
pub async fn update(
    db: &impl ConnectionTrait,
    old: &Model,
    new: &Model,
) -> Result<bool, StoreError> {
    note(new);
    row::update(db, old, new).await
}

/// Hides the app; returns whether it existed.
pub async fn delete(
    db: &impl ConnectionTrait,
    app_id: &str,
    by: &Deletion,
) -> Result<bool, StoreError> {
    trail::deleted("App", "AppId", app_id);
    let condition = Condition::all().add(Column::AppId.eq(app_id));
    Ok(by.hide::<Entity>(db, condition).await? > 0)
}
