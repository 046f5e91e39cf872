//! Queries: gray rules. A change is a new row, and the row before it is removed; ids order the versions.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::store::entity::cluster as cluster_table;
use crate::store::entity::gray_release_rule::{Column, Entity, Model};
use crate::store::error::StoreError;
use crate::store::number::{Id, Small};
use crate::store::row::{InNamespace, Standard, soft_remove};

/// `BranchStatus` of a branch that is neither deleted nor merged.
const ACTIVE: Small = Small(1);

/// Rules with greater ids, in the order of their ids.
pub async fn rules_after(
    db: &impl ConnectionTrait,
    id: impl Into<Id>,
    limit: u64,
) -> Result<Vec<Model>, StoreError> {
    let next = Entity::live().filter(Column::Id.gt(id.into())).order_by_asc(Column::Id);
    Ok(next.limit(limit).all(db).await?)
}

/// All live rules of the namespace, whatever their status, in the order of their ids.
pub async fn rules_of_namespace(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let rules = Entity::live_in_namespace(app_id, cluster, namespace);
    Ok(rules.order_by_asc(Column::Id).all(db).await?)
}

/// The newest rule of each branch that exists, is active and has a release, in the order of their
/// ids. Older rows are history, also where two writers without a lock left them in force.
pub async fn active_rules(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let mut newest: BTreeMap<String, Model> = BTreeMap::new();
    for rule in rules_of_namespace(db, app_id, cluster, namespace).await? {
        newest.insert(rule.branch_name.clone(), rule);
    }
    let mut rules: Vec<_> = newest.into_values().collect();
    rules.retain(|rule| rule.branch_status == Some(ACTIVE) && rule.release_id != Id(0));
    if rules.is_empty() {
        return Ok(rules);
    }
    let branches = rules.iter().map(|rule| rule.branch_name.as_str());
    let existing: Vec<String> = cluster_table::Entity::live()
        .filter(cluster_table::Column::AppId.eq(app_id))
        .filter(cluster_table::Column::Name.is_in(branches))
        .select_only()
        .column(cluster_table::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    rules.retain(|rule| existing.contains(&rule.branch_name));
    rules.sort_by_key(|rule| rule.id);
    Ok(rules)
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
    Ok(newest.one(db).await?)
}

/// Hides the rules of a branch that are older than this one; their columns keep who wrote them.
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

/// Those of the releases that an active branch serves.
pub(super) async fn served(
    db: &impl ConnectionTrait,
    releases: &[Id],
) -> Result<Vec<Id>, StoreError> {
    let rules = Entity::live()
        .select_only()
        .column(Column::ReleaseId)
        .filter(Column::BranchStatus.eq(ACTIVE))
        .filter(Column::ReleaseId.is_in(releases.iter().copied()));
    Ok(rules.into_tuple().all(db).await?)
}
