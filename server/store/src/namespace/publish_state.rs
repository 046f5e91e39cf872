//! Query: the state of a namespace that a publish depends on, in one statement.

use sea_orm::sea_query::{Expr, ExprTrait, Order, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, QueryTrait,
    Select,
};

use crate::entity::namespace::{Column, Entity, Model};
use crate::entity::{namespace_lock, release};
use crate::error::StoreError;
use crate::flag::{is_surely_unset, is_unset};
use crate::number::Id;
use crate::row::Standard;
use crate::row::decode;

/// Alias of the id of the newest release.
pub(super) const LATEST_RELEASE: &str = "latest_release";

/// A namespace, its editor, and the release of its clients.
#[derive(Clone, Debug)]
pub struct PublishState {
    pub namespace: Model,
    /// Owner of the edit lock; empty if it cannot be decoded.
    pub lock_owner: Option<String>,
    /// Id of the newest release that was not rolled back.
    pub latest_release: Option<Id>,
}

/// The namespaces with this name in all clusters and branches of the app, by id. A cluster that
/// cannot be decoded is empty.
pub async fn publish_states(
    db: &impl ConnectionTrait,
    app_id: &str,
    namespace: &str,
) -> Result<Vec<PublishState>, StoreError> {
    let select = select(app_id, namespace);
    let found = db.query_all_raw(select.build(db.get_database_backend())).await?;
    found.iter().map(publish_state).collect()
}

/// The rows that [`publish_state`] decodes, by id.
pub(super) fn select(app_id: &str, namespace: &str) -> Select<Entity> {
    Entity::live()
        .filter(Column::AppId.eq(app_id))
        .filter(Column::NamespaceName.eq(namespace))
        .expr_as(Expr::SubQuery(None, Box::new(lock_owner().into())), "lock_owner")
        .expr_as(Expr::SubQuery(None, Box::new(latest_release().into())), LATEST_RELEASE)
        .order_by_asc(Column::Id)
}

pub(super) fn publish_state(row: &QueryResult) -> Result<PublishState, StoreError> {
    let owner = row.try_get_by("lock_owner");
    Ok(PublishState {
        namespace: decode::repaired_row::<Entity>(row)?,
        lock_owner: owner.unwrap_or_else(|_| Some(String::new())),
        latest_release: row.try_get_by(LATEST_RELEASE)?,
    })
}

fn lock_owner() -> SelectStatement {
    use namespace_lock::{Column as Lock, Entity as Locks};
    let owner = (Locks, Lock::DataChangeCreatedBy);
    Query::select()
        .column(owner)
        .from(Locks)
        .and_where(Expr::col((Locks, Lock::NamespaceId)).equals((Entity, Column::Id)))
        .and_where(is_surely_unset(Expr::col((Locks, Lock::IsDeleted))))
        .limit(1)
        .take()
}

/// Sorted with a limit instead of the maximum, because the index contains the ids of a namespace in
/// their order.
fn latest_release() -> SelectStatement {
    use release::{Column as Release, Entity as Releases};
    let same = |own: Release, other: Column| Expr::col((Releases, own)).equals((Entity, other));
    Query::select()
        .column((Releases, Release::Id))
        .from(Releases)
        .and_where(same(Release::AppId, Column::AppId))
        .and_where(same(Release::ClusterName, Column::ClusterName))
        .and_where(same(Release::NamespaceName, Column::NamespaceName))
        .and_where(is_unset(Expr::col((Releases, Release::IsAbandoned))))
        .and_where(is_unset(Expr::col((Releases, Release::IsDeleted))))
        .order_by((Releases, Release::Id), Order::Desc)
        .limit(1)
        .take()
}
