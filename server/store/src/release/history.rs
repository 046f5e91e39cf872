//! Queries: history of releases, and its retention. `cluster` is that of the parent; `branch`
//! equals it on the main line.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Condition;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    QueryTrait, Select,
};

use super::rule;
use crate::condition::chunks;
use crate::entity::release_history::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable::{self, Rows};
use crate::number::{Id, Small};
use crate::page::{self, Page, Paged};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, InNamespace, Standard};
use crate::time::StoredTime;

pub use crate::entity::release_history::{Model as ReleaseHistory, Row as ReleaseHistoryRow};

/// One line of history: that of the main line of a namespace, or of a branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub app_id: String,
    /// Cluster of the parent.
    pub cluster: String,
    pub namespace: String,
    pub branch: String,
}

/// The history of a namespace with its branches, newest first.
pub async fn histories(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let all = Entity::live_in_namespace(app_id, cluster, namespace);
    page::paged_within(db, all.order_by_desc(Column::Id), Column::OperationContext, page).await
}

/// The entries of one operation after which a release was active, newest first.
pub async fn histories_by_release(
    db: &impl ConnectionTrait,
    release_id: Id,
    operation: Small,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let found = Entity::live()
        .filter(Column::ReleaseId.eq(release_id))
        .filter(Column::Operation.eq(operation));
    page::paged_within(db, found.order_by_desc(Column::Id), Column::OperationContext, page).await
}

/// The entries of one operation before which a release was active, newest first.
pub async fn histories_by_previous_release(
    db: &impl ConnectionTrait,
    release_id: Id,
    operation: Small,
    page: &Page,
) -> Result<Paged<Model>, StoreError> {
    let found = Entity::live()
        .filter(Column::PreviousReleaseId.eq(release_id))
        .filter(Column::Operation.eq(operation));
    page::paged_within(db, found.order_by_desc(Column::Id), Column::OperationContext, page).await
}

/// An entry of a branch; `None` for what cannot be decoded.
#[derive(Clone, Debug)]
pub struct BranchEntry {
    pub id: Id,
    pub operation: Option<Small>,
    pub context: Option<String>,
}

/// The newest entries of a branch, newest first. None is omitted, because a newer one replaces what
/// an older one recorded.
pub async fn newest_of_branch(
    db: &impl ConnectionTrait,
    (app_id, cluster, namespace): (&str, &str, &str),
    branch: &str,
    limit: u64,
) -> Result<Vec<BranchEntry>, StoreError> {
    let entries = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::BranchName.eq(branch))
        .order_by_desc(Column::Id)
        .limit(limit)
        .select_only()
        .columns([Column::Id, Column::Operation, Column::OperationContext]);
    let found = db.query_all_raw(entries.build(db.get_database_backend())).await?;
    let entry = |row: &QueryResult| {
        let (operation, context) = (row.try_get_by(1).ok(), row.try_get_by(2).ok());
        Ok(BranchEntry { id: row.try_get_by(0)?, operation, context })
    };
    found.iter().map(entry).collect()
}

/// The newest entry of a release with any of the operations.
pub async fn latest_history(
    db: &impl ConnectionTrait,
    release_id: Id,
    operations: &[Small],
) -> Result<Option<Model>, StoreError> {
    let newest = Entity::live()
        .filter(Column::ReleaseId.eq(release_id))
        .filter(Column::Operation.is_in(operations.iter().copied()))
        .order_by_desc(Column::Id);
    decode::one(db, newest).await
}

pub async fn insert_history(
    db: &impl ConnectionTrait,
    row: ReleaseHistoryRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Hides the history of a namespace with its branches.
pub async fn delete_histories_of_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    by.hide::<Entity>(db, Entity::in_namespace(app_id, cluster, namespace)).await
}

/// Entries with greater ids and their lines, by id.
pub async fn histories_after(
    db: &impl ConnectionTrait,
    id: Id,
    limit: u64,
) -> Result<Rows<(Id, Line)>, StoreError> {
    let next = Entity::live()
        .select_only()
        .columns([
            Column::Id,
            Column::AppId,
            Column::ClusterName,
            Column::NamespaceName,
            Column::BranchName,
        ])
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
        .limit(limit);
    let rows: Rows<(Id, String, String, String, String)> = readable::read(db, next).await?;
    Ok(rows.map(|(id, app_id, cluster, namespace, branch)| {
        (id, Line { app_id, cluster, namespace, branch })
    }))
}

/// An entry with what decides how long it is kept.
#[derive(Clone, Debug)]
pub struct DatedEntry {
    pub id: Id,
    pub line: Line,
    pub release_id: Id,
    pub previous_release_id: Id,
    pub operation: Small,
    /// `None` if it cannot be decoded.
    pub created: Option<DateTime<Utc>>,
    pub is_hidden: bool,
}

/// Entries with greater ids, by id. Hidden ones are included, so that each query reads no more rows
/// than the limit, however many are hidden.
pub async fn dated_histories_after(
    db: &impl ConnectionTrait,
    id: Id,
    limit: u64,
) -> Result<Rows<DatedEntry>, StoreError> {
    type Columns = (Id, String, String, String, String, Id, Id, Small, StoredTime<Entity>, bool);
    let columns = [
        Column::Id,
        Column::AppId,
        Column::ClusterName,
        Column::NamespaceName,
        Column::BranchName,
        Column::ReleaseId,
        Column::PreviousReleaseId,
        Column::Operation,
        Column::DataChangeCreatedTime,
        Column::IsDeleted,
    ];
    let next = Entity::find().filter(Column::Id.gt(id)).order_by_asc(Column::Id).limit(limit);
    let rows: Rows<Columns> = readable::read(db, next.select_only().columns(columns)).await?;
    Ok(rows.map(|row| {
        let (id, app_id, cluster, namespace, branch, release_id, previous, operation, time, flag) =
            row;
        DatedEntry {
            id,
            line: Line { app_id, cluster, namespace, branch },
            release_id,
            previous_release_id: previous,
            operation,
            // What cannot be decoded is read as this time.
            created: Some(*time).filter(|time| *time != DateTime::UNIX_EPOCH),
            is_hidden: flag,
        }
    }))
}

/// The greatest id; 0 if there are no entries.
pub async fn max_history_id(db: &impl ConnectionTrait) -> Result<Id, StoreError> {
    let newest = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id);
    Ok(newest.into_tuple().one(db).await?.unwrap_or_default())
}

/// The id of the entry with `n` newer ones: the first that retention of `n` entries may remove.
pub async fn nth_newest_history(
    db: &impl ConnectionTrait,
    line: &Line,
    n: u64,
) -> Result<Option<Id>, StoreError> {
    let entry =
        of_line(line).select_only().column(Column::Id).order_by_desc(Column::Id).offset(n).limit(1);
    Ok(entry.into_tuple().one(db).await?)
}

/// The oldest entries with ids up to `newest`: their ids, with the releases that they refer to.
pub async fn histories_up_to(
    db: &impl ConnectionTrait,
    line: &Line,
    newest: Id,
    limit: u64,
) -> Result<Vec<(Id, Id, Id)>, StoreError> {
    let oldest = of_line(line).filter(Column::Id.lte(newest)).order_by_asc(Column::Id).limit(limit);
    let columns = [Column::Id, Column::ReleaseId, Column::PreviousReleaseId];
    Ok(oldest.select_only().columns(columns).into_tuple().all(db).await?)
}

/// Those of the entries that are not hidden.
pub async fn live_histories(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Id>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let live = Entity::live().filter(Column::Id.is_in(chunk));
        found.extend(live.select_only().column(Column::Id).into_tuple::<Id>().all(db).await?);
    }
    Ok(found)
}

/// Deletes entries physically.
pub async fn delete_histories(db: &impl ConnectionTrait, ids: &[Id]) -> Result<u64, StoreError> {
    let mut removed = 0;
    for chunk in chunks(ids) {
        let gone = Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
        removed += gone.rows_affected;
    }
    Ok(removed)
}

/// Those of the releases to which an entry, even a hidden one, or the rule of an active branch
/// still refers.
pub async fn still_referenced(
    db: &impl ConnectionTrait,
    releases: &[Id],
) -> Result<HashSet<Id>, StoreError> {
    let mut referenced = HashSet::new();
    for chunk in chunks(releases) {
        referenced.extend(rule::served(db, &chunk).await?);
        let named = Condition::any()
            .add(Column::ReleaseId.is_in(chunk.iter().copied()))
            .add(Column::PreviousReleaseId.is_in(chunk));
        // Not `live()`, because a hidden entry may be restored together with its release.
        let entries = Entity::find()
            .select_only()
            .columns([Column::ReleaseId, Column::PreviousReleaseId])
            .filter(named)
            .into_tuple::<(Id, Id)>()
            .all(db)
            .await?;
        referenced.extend(entries.into_iter().flat_map(|(release, previous)| [release, previous]));
    }
    referenced.retain(|id| releases.contains(id));
    Ok(referenced)
}

fn of_line(line: &Line) -> Select<Entity> {
    Entity::live_in_namespace(&line.app_id, &line.cluster, &line.namespace)
        .filter(Column::BranchName.eq(line.branch.as_str()))
}
