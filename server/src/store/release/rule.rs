//! Queries: gray rules. A change is a new row, and the row before it is removed; ids order the versions.

use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QuerySelect};

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

/// Rules of active branches that have a release, in the order of their ids.
pub async fn active_rules(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<Vec<Model>, StoreError> {
    let active = Entity::live_in_namespace(app_id, cluster, namespace)
        .filter(Column::BranchStatus.eq(ACTIVE))
        .filter(Column::ReleaseId.ne(Id(0)));
    Ok(active.order_by_asc(Column::Id).all(db).await?)
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

/// Hides a rule; its columns keep who wrote it.
pub async fn remove_rule(db: &impl ConnectionTrait, id: Id) -> Result<u64, StoreError> {
    soft_remove::<Entity>(db, Condition::all().add(Column::Id.eq(id))).await
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
