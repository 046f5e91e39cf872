//! Queries: releases; those of history and gray rules are in files below. The steps of a publish or
//! a rollback are not known here.

mod history;
mod latest;
mod publish;
mod rule;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::condition::chunks;
use crate::entity::release::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_unset;
use crate::number::Id;
use crate::page::{self, Page};
use crate::row::decode;
use crate::row::{self, Authorship, Deletion, InNamespace, Standard, now};

pub use crate::entity::release::{Model as Release, Row as ReleaseRow};
pub use history::{
    BranchEntry, DatedEntry, Line, ReleaseHistory, ReleaseHistoryRow, dated_histories_after,
    delete_histories, delete_histories_of_namespace, histories, histories_after,
    histories_by_previous_release, histories_by_release, histories_up_to, insert_history,
    latest_history, live_histories, max_history_id, newest_of_branch, nth_newest_history,
    still_referenced,
};
pub use latest::{LatestRelease, latest_of_app, latest_of_cluster};
pub use publish::{Publish, PublishedRelease, publish};
pub(crate) use rule::{ACTIVE, INACTIVE};
pub use rule::{
    GrayReleaseRule, GrayReleaseRuleRow, active_rules_named, insert_rule, insert_rules,
    latest_rule, latest_rule_with_any_lines, name_rules, newest_rules_of_app, remove_rules_before,
    rules_of_namespace,
};

pub async fn by_id(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::one(db, Entity::live_by_id(id.into())).await
}

/// The release, also if its content cannot be decoded, which is then empty and no JSON object.
pub async fn by_id_with_any_content(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
) -> Result<Option<Model>, StoreError> {
    decode::repaired(db, Entity::live_by_id(id.into())).await
}

/// Releases with these ids, for a list: unknown ones and those that cannot be decoded are omitted.
pub async fn by_ids<I: Into<Id> + Copy>(
    db: &impl ConnectionTrait,
    ids: &[I],
) -> Result<Vec<Model>, StoreError> {
    let ids: Vec<Id> = ids.iter().map(|id| (*id).into()).collect();
    let mut found = Vec::new();
    for chunk in chunks(&ids) {
        let releases = Entity::live().filter(Column::Id.is_in(chunk));
        found.extend(readable::models(db, releases).await?);
    }
    Ok(found)
}

/// Releases with these keys, including those that were rolled back, without rows that cannot be
/// decoded.
pub async fn by_keys<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    keys: &[S],
) -> Result<Vec<Model>, StoreError> {
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&keys) {
        let with_keys = Entity::live().filter(Column::ReleaseKey.is_in(chunk));
        found.extend(readable::models(db, with_keys).await?);
    }
    Ok(found)
}

/// The release that clients of the namespace receive.
pub async fn latest_active(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Option<Model>, StoreError> {
    let newest = active(app_id, cluster, namespace).order_by_desc(Column::Id);
    decode::one(db, newest).await
}

/// Id of the release that clients of the namespace receive, without its content; 0 if there is
/// none.
pub async fn latest_active_id(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Id, StoreError> {
    let newest = newest_active_ids(db, app_id, cluster, namespace, 1).await?;
    Ok(newest.first().copied().unwrap_or_default())
}

/// Ids of releases that were not rolled back, newest first, without their content.
pub async fn newest_active_ids(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    limit: u64,
) -> Result<Vec<Id>, StoreError> {
    let newest = active(app_id, cluster, namespace).order_by_desc(Column::Id).limit(limit);
    Ok(newest.select_only().column(Column::Id).into_tuple().all(db).await?)
}

/// Releases that were not rolled back, newest first. None may be omitted, because a rollback
/// depends on them; content that cannot be decoded is empty and no JSON object.
pub async fn active_page(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    let newest = active(app_id, cluster, namespace).order_by_desc(Column::Id);
    decode::all_repaired(db, page.of(newest)?).await
}

/// The same for a list, without rows that cannot be decoded.
pub async fn readable_active_page(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    page::list(db, active(app_id, cluster, namespace).order_by_desc(Column::Id), page).await
}

/// All releases, newest first.
pub async fn all_page(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    page: &Page,
) -> Result<Vec<Model>, StoreError> {
    let all = Entity::live_in_namespace(app_id, cluster, namespace);
    page::list(db, all.order_by_desc(Column::Id), page).await
}

/// Active releases of the namespace with ids from `oldest` to `newest`, inclusive, newest first,
/// whatever their content.
pub async fn active_between(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    oldest: Id,
    newest: Id,
) -> Result<Vec<Model>, StoreError> {
    let between = active(app_id, cluster, namespace)
        .filter(Column::Id.gte(oldest))
        .filter(Column::Id.lte(newest))
        .order_by_desc(Column::Id);
    decode::all_repaired(db, between).await
}

pub async fn insert(
    db: &impl ConnectionTrait,
    row: ReleaseRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Marks releases as rolled back.
pub async fn abandon(
    db: &impl ConnectionTrait,
    ids: &[Id],
    operator: &str,
) -> Result<(), StoreError> {
    for chunk in chunks(ids) {
        Entity::update_many()
            .col_expr(Column::IsAbandoned, Expr::value(true))
            .col_expr(Column::DataChangeLastModifiedBy, Expr::value(operator))
            .col_expr(Column::DataChangeLastTime, Expr::value(now()))
            .filter(Column::Id.is_in(chunk))
            .exec(db)
            .await?;
    }
    Ok(())
}

/// Hides all releases of the namespace.
pub async fn delete_of_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    by: &Deletion,
) -> Result<u64, StoreError> {
    by.hide::<Entity>(db, Entity::in_namespace(app_id, cluster, namespace)).await
}

/// Deletes rows physically, including hidden ones, for the retention of the history.
pub async fn purge(db: &impl ConnectionTrait, ids: &[Id]) -> Result<u64, StoreError> {
    let mut removed = 0;
    for chunk in chunks(ids) {
        let gone = Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
        removed += gone.rows_affected;
    }
    Ok(removed)
}

fn active(app_id: &str, cluster: &str, namespace: &str) -> Select<Entity> {
    Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(is_unset(Column::IsAbandoned.into_expr()))
}
