//! Queries: commits, that is, the change sets of items.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::condition::CONDITIONS;
use crate::entity::commit::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::length::{self, Measured};
use crate::page::{self, Page};
use crate::row::{self, Authorship, Deletion, InNamespace, Standard};

pub use crate::entity::commit::{Model as Commit, Row as CommitRow};

/// The commits of the namespace, newest first.
pub async fn commits(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    let commits = Entity::live_in_namespace(app_id, cluster, namespace);
    page::list_within(db, commits.order_by_desc(Column::Id), Column::ChangeSets, page).await
}

/// The commits whose text contains the pattern, newest first; `%` and `_` are wildcards.
pub async fn commits_with_key(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    key: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    let commits = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::ChangeSets.contains(format!("\"key\":\"{key}\"")));
    page::list_within(db, commits.order_by_desc(Column::Id), Column::ChangeSets, page).await
}

/// The lengths of the newest commits at this time or later, newest first; of any time if there is
/// none.
pub async fn measured_commits(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    time: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<Measured>, StoreError> {
    let mut commits = Entity::live_in_namespace(app_id, cluster, namespace);
    if let Some(time) = time {
        commits = commits.filter(Column::DataChangeLastTime.gte(time));
    }
    let newest = commits.order_by_desc(Column::Id).limit(limit);
    length::measured(db, newest, Column::ChangeSets).await
}

/// The lengths of the newest commits of these namespaces of a cluster at their times or later,
/// newest first.
pub async fn measured_commits_of_each(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    times: &[(&str, DateTime<Utc>)],
    limit: u64,
) -> Result<Vec<Measured>, StoreError> {
    let mut found = Vec::new();
    for chunk in times.chunks(CONDITIONS) {
        let any = chunk.iter().fold(Condition::any(), |any, (namespace, time)| {
            let in_namespace = Entity::in_namespace(app_id, cluster, namespace);
            any.add(in_namespace.add(Column::DataChangeLastTime.gte(*time)))
        });
        let newest = Entity::live().filter(any).order_by_desc(Column::Id).limit(limit);
        found.extend(length::measured(db, newest, Column::ChangeSets).await?);
    }
    found.sort_by_key(|row| Reverse(row.id));
    Ok(found)
}

/// These commits in their order, without rows that cannot be decoded.
pub async fn commits_in_order(
    db: &impl ConnectionTrait,
    rows: &[Measured],
) -> Result<Vec<Model>, StoreError> {
    length::in_order(db, Entity::live(), rows).await
}

pub async fn insert_commit(
    db: &impl ConnectionTrait,
    row: CommitRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Hides all commits of the namespace.
pub async fn delete_commits_of_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    by.hide::<Entity>(db, Entity::in_namespace(app_id, cluster, namespace)).await
}
