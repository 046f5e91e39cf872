//! Queries: gray rules. A change inserts a new row and removes the previous one; ids order the
//! versions.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
};

use crate::condition::chunks;
use crate::entity::gray_release_rule::{ActiveModel, Column, Entity, Model};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::is_set;
use crate::number::{Id, Small};
use crate::row::batch::{bytes, pieces};
use crate::row::decode;
use crate::row::{self, Authorship, InNamespace, Standard, now, soft_remove};

pub use crate::entity::gray_release_rule::{Model as GrayReleaseRule, Row as GrayReleaseRuleRow};

/// `BranchStatus` of a branch that is neither deleted nor merged.
pub(crate) const ACTIVE: Small = Small(1);
/// `BranchStatus` of the others. A number without a meaning ends no branch.
pub(crate) const INACTIVE: [Small; 2] = [Small(0), Small(2)];

/// How long rules that were replaced are kept. Many branches end within a day, and afterwards none
/// of their rules is stored, which would delete them.
const KEPT: TimeDelta = TimeDelta::minutes(10);
/// Maximum number of rules that are deleted when one is stored.
const PURGED: u64 = 20;

/// All live rules of the namespace, whatever their status, by id.
pub async fn rules_of_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let rules = Entity::live_in_namespace(app_id, cluster, namespace);
    decode::all(db, rules.order_by_asc(Column::Id)).await
}

/// The newest rule of a branch, whatever its status.
pub async fn latest_rule(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    branch: &str,
) -> Result<Option<Model>, StoreError> {
    let newest = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::BranchName.eq(branch))
        .order_by_desc(Column::Id);
    decode::one(db, newest).await
}

/// The same, also if its lines cannot be decoded, which are then absent.
pub async fn latest_rule_with_any_lines(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
    branch: &str,
) -> Result<Option<Model>, StoreError> {
    let newest = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::BranchName.eq(branch))
        .order_by_desc(Column::Id);
    decode::repaired(db, newest).await
}

/// The newest rules in all namespaces of an app, also replaced ones, newest first. Rows that cannot
/// be decoded are left out.
pub async fn newest_rules_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let rules = Entity::find().filter(Column::AppId.eq(app_id));
    readable::models(db, rules.order_by_desc(Column::Id).limit(limit)).await
}

/// The active rules in the namespaces with this name in all clusters of an app, also if their lines
/// cannot be decoded, which are then absent.
pub async fn active_rules_named(
    db: &impl ConnectionTrait,
    app_id: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let rules = Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::NamespaceName.eq(namespace))
        .filter(Column::BranchStatus.eq(ACTIVE));
    decode::all_repaired(db, rules.order_by_asc(Column::Id)).await
}

/// Inserts rules.
pub async fn insert_rules(
    db: &impl ConnectionTrait,
    rows: Vec<GrayReleaseRuleRow>,
    operator: &str,
) -> Result<(), StoreError> {
    let author = Authorship::of(operator);
    let rows: Vec<_> = rows.into_iter().map(|row| ActiveModel::of(row, author.clone())).collect();
    for piece in pieces(&rows, bytes) {
        Entity::insert_many(piece.iter().cloned()).exec_without_returning(db).await?;
    }
    Ok(())
}

pub async fn insert_rule(
    db: &impl ConnectionTrait,
    row: GrayReleaseRuleRow,
    author: Authorship,
) -> Result<Model, StoreError> {
    row::insert(db, ActiveModel::of(row, author)).await
}

/// Gives the active rules of a namespace whose branch cannot be decoded to this branch: a namespace
/// has at most one. Only SQLite stores such names.
pub async fn name_rules(
    db: &impl ConnectionTrait,
    (app_id, cluster, namespace): (&str, &str, &str),
    branch: &str,
) -> Result<(), StoreError> {
    if db.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    let rules = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::BranchStatus.eq(ACTIVE))
        .select_only()
        .columns([Column::Id, Column::BranchName]);
    for row in db.query_all_raw(rules.build(db.get_database_backend())).await? {
        if row.try_get_by::<String, _>(1).is_err() {
            let update = Entity::update_many().col_expr(Column::BranchName, Expr::value(branch));
            update.filter(Column::Id.eq(row.try_get_by::<Id, _>(0)?)).exec(db).await?;
        }
    }
    Ok(())
}

/// Hides the rules of a branch that are older than this one; their authors are kept.
pub async fn remove_rules_before(
    db: &impl ConnectionTrait,
    (app_id, cluster, namespace): (&str, &str, &str),
    branch: &str,
    id: Id,
) -> Result<u64, StoreError> {
    let older = Entity::in_namespace(app_id, cluster, namespace)
        .add(Column::BranchName.eq(branch))
        .add(Column::Id.lt(id));
    soft_remove::<Entity>(db, older).await
}

/// Deletes some rules of a branch that were replaced a while ago and have the lines of a newer one:
/// each publish beside a branch replaces its rule, and every load of the namespace reads them all.
/// Nodes of Apollo do not read rules that are hidden. Those with other lines are kept, because the
/// audiences of earlier gray releases can be used again.
pub async fn purge_replaced(
    db: &impl ConnectionTrait,
    (app_id, cluster, namespace): (&str, &str, &str),
    newest: &Model,
) -> Result<(), StoreError> {
    let replaced = Entity::find()
        .filter(Entity::in_namespace(app_id, cluster, namespace))
        .filter(Column::BranchName.eq(newest.branch_name.as_str()))
        .filter(Column::Id.lt(newest.id))
        .filter(is_set(Column::IsDeleted.into_expr()))
        .filter(Column::DeletedAt.lt((now() - KEPT).timestamp_millis()))
        .order_by_desc(Column::Id)
        .limit(PURGED)
        .select_only()
        .columns([Column::Id, Column::Rules]);
    let mut known = BTreeSet::from([newest.rules.clone()]);
    let mut obsolete: Vec<Id> = Vec::new();
    for row in db.query_all_raw(replaced.build(db.get_database_backend())).await? {
        // Lines that cannot be decoded may be other ones.
        if let Ok(lines) = row.try_get_by(1)
            && !known.insert(lines)
        {
            obsolete.push(row.try_get_by(0)?);
        }
    }
    for chunk in chunks(&obsolete) {
        Entity::delete_many().filter(Column::Id.is_in(chunk)).exec(db).await?;
    }
    Ok(())
}

/// Those of the releases that a branch serves which was neither deleted nor merged.
pub(super) async fn served(
    db: &impl ConnectionTrait,
    releases: &[Id],
) -> Result<Vec<Id>, StoreError> {
    let rules = Entity::live()
        .select_only()
        .column(Column::ReleaseId)
        .filter(Column::BranchStatus.is_null().or(Column::BranchStatus.is_not_in(INACTIVE)))
        .filter(Column::ReleaseId.is_in(releases.iter().copied()));
    Ok(rules.into_tuple().all(db).await?)
}
