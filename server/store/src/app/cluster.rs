//! Queries: clusters, and branches, which are clusters with a parent.

use std::collections::HashSet;

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use crate::condition::CONDITIONS;
use crate::entity::cluster::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_set;
use crate::number::Id;
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, Standard};

pub use crate::entity::cluster::{Model as Cluster, Row as ClusterRow};

/// `ParentClusterId` of a cluster that is not a branch.
const NO_PARENT: Id = Id(0);

/// The cluster or branch with this name.
pub async fn cluster(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let cluster = Entity::live().filter(Column::AppId.eq(app_id)).filter(Column::Name.eq(name));
    decode::one(db, cluster).await
}

/// Whether a cluster with this name was deleted; another one may have been created since.
pub async fn was_cluster_deleted(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let row = Entity::find().filter(Column::AppId.eq(app_id)).filter(Column::Name.eq(name));
    let row = row.filter(is_set(Column::IsDeleted.into_expr()));
    let id: Option<Id> = row.select_only().column(Column::Id).into_tuple().one(db).await?;
    Ok(id.is_some())
}

/// The same as [`cluster`], for a caller that removes it: a parent that cannot be decoded is 0.
pub async fn cluster_to_remove(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: &str,
) -> Result<Option<Model>, StoreError> {
    let cluster = Entity::live().filter(Column::AppId.eq(app_id)).filter(Column::Name.eq(name));
    decode::repaired(db, cluster).await
}

pub async fn cluster_by_id(db: &impl ConnectionTrait, id: Id) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id)).await
}

/// Those of the pairs of app and name that are branches, even if other columns of their rows cannot
/// be decoded. A cluster whose parent cannot be decoded may be one.
pub async fn branches_among(
    db: &impl ConnectionTrait,
    places: &[(&str, &str)],
) -> Result<HashSet<(String, String)>, StoreError> {
    let mut branches = HashSet::new();
    for chunk in places.chunks(CONDITIONS) {
        let any = chunk.iter().fold(Condition::any(), |any, (app_id, name)| {
            any.add(Condition::all().add(Column::AppId.eq(*app_id)).add(Column::Name.eq(*name)))
        });
        let found = Entity::live().filter(any).select_only();
        let found = found.columns([Column::AppId, Column::Name, Column::ParentClusterId]);
        for row in db.query_all_raw(found.build(db.get_database_backend())).await? {
            if row.try_get_by(2).ok() != Some(NO_PARENT) {
                branches.insert((row.try_get_by(0)?, row.try_get_by(1)?));
            }
        }
    }
    Ok(branches)
}

/// The app's clusters by id, without branches and rows that cannot be decoded.
pub async fn clusters(db: &impl ConnectionTrait, app_id: &str) -> Result<Vec<Model>, StoreError> {
    let clusters = Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::ParentClusterId.eq(NO_PARENT))
        .order_by_asc(Column::Id);
    readable::models(db, clusters).await
}

/// The names of the app's clusters by id, without branches. None may be omitted: a namespace is
/// created in each. Fails if a row cannot be decoded that is not certainly that of a branch.
pub async fn cluster_names(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<String>, StoreError> {
    let columns = [Column::Id, Column::Name, Column::ParentClusterId, Column::IsDeleted];
    let clusters = Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::ParentClusterId.eq(NO_PARENT).or(is_no_number(db)))
        .order_by_asc(Column::Id)
        .select_only()
        .columns(columns);
    let rows: Vec<(Id, String, Id, bool)> = decode::tuples(db, clusters, columns).await?;
    Ok(rows.into_iter().map(|(_, name, ..)| name).collect())
}

/// Whether the parent is no number, which only SQLite stores.
fn is_no_number(db: &impl ConnectionTrait) -> Expr {
    match db.get_database_backend() {
        DbBackend::Sqlite => Expr::cust(r#"typeof("ParentClusterId") <> 'integer'"#),
        _ => Expr::cust("(1 = 0)"),
    }
}

/// The app's clusters and branches by id, to be removed.
pub async fn clusters_with_branches(
    db: &impl ConnectionTrait,
    app_id: &str,
) -> Result<Vec<Model>, StoreError> {
    let clusters = Entity::live().filter(Column::AppId.eq(app_id)).order_by_asc(Column::Id);
    decode::all_repaired(db, clusters).await
}

/// The branches of a cluster, by id. A name that cannot be decoded is empty.
pub async fn child_clusters(
    db: &impl ConnectionTrait,
    parent: Id,
) -> Result<Vec<Model>, StoreError> {
    let branches =
        Entity::live().filter(Column::ParentClusterId.eq(parent)).order_by_asc(Column::Id);
    decode::all_repaired(db, branches).await
}

pub async fn insert_cluster(
    db: &impl ConnectionTrait,
    row: ClusterRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Hides the cluster; returns whether it existed.
pub async fn delete_cluster(
    db: &impl ConnectionTrait,
    id: Id,
    by: &Deletion,
) -> Result<bool, StoreError> {
    Ok(by.hide::<Entity>(db, Condition::all().add(Column::Id.eq(id))).await? > 0)
}
