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
use crate::length::{self, Measured};
use crate::number::Id;
use crate::page::Page;
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
pub use latest::{LatestRelease, latest_of_app, latest_of_cluster, length_of_cluster};
pub use publish::{Publish, PublishedRelease, publish};
pub(crate) use rule::{ACTIVE, INACTIVE};
pub use rule::{
    GrayReleaseRule, GrayReleaseRuleRow, active_rules_named, insert_rule, insert_rules,
    latest_rule, latest_rule_with_any_lines, name_rules, newest_rules_of_app, purge_replaced,
    remove_rules_before, rules_of_namespace,
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

/// The same without their contents, which are empty objects.
pub async fn by_ids_without_content(
    db: &impl ConnectionTrait,
    ids: &[Id],
) -> Result<Vec<Model>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let releases = without_content(Entity::live().filter(Column::Id.is_in(chunk)));
        found.extend(readable::models(db, releases).await?);
    }
    Ok(found)
}

/// Releases with these keys, including those that were rolled back, without their contents, and
/// without rows that cannot be decoded.
pub async fn by_keys<S: AsRef<str>>(
    db: &impl ConnectionTrait,
    keys: &[S],
) -> Result<Vec<Model>, StoreError> {
    let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    let mut found = Vec::new();
    for chunk in chunks(&keys) {
        let with_keys = without_content(Entity::live().filter(Column::ReleaseKey.is_in(chunk)));
        found.extend(readable::models(db, with_keys).await?);
    }
    Ok(found)
}

/// The lengths of the contents of the releases with these ids.
pub async fn measured(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Measured>, StoreError> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let releases = Entity::live().filter(Column::Id.is_in(chunk));
        found.extend(length::measured(db, releases, Column::Configurations).await?);
    }
    Ok(found)
}

/// These releases in their order, with or without their contents, for a list: those that cannot be
/// decoded are omitted.
pub async fn in_order(
    db: &impl ConnectionTrait,
    rows: &[Measured],
    with_content: bool,
) -> Result<Vec<Model>, StoreError> {
    let select = if with_content { Entity::live() } else { without_content(Entity::live()) };
    length::in_order(db, select, rows).await
}

fn without_content(select: Select<Entity>) -> Select<Entity> {
    length::without(select, Column::Configurations, "'{}'")
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

/// The lengths of the contents of a page of releases, newest first; those that were rolled back
/// only if requested.
pub async fn measured_page(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    with_abandoned: bool,
    page: &Page,
) -> Result<Vec<Measured>, StoreError> {
    let found = match with_abandoned {
        true => Entity::live_in_namespace(app_id, cluster, namespace),
        false => active(app_id, cluster, namespace),
    };
    let found = page.of(found.order_by_desc(Column::Id))?;
    length::measured(db, found, Column::Configurations).await
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
