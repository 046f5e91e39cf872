//! Query: the lock under which a namespace and its branch are changed. Knows no operation.

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, Func, JoinType, LockType, Query, SelectStatement,
};
use sea_orm::{ConnectionTrait, DbBackend};

use crate::entity::{cluster, namespace};
use crate::error::StoreError;
use crate::flag::is_unset;

/// Locks the row of a namespace, or of the parent if it is the namespace of a branch, until the end
/// of the transaction. Returns whether the row exists. SQLite needs no lock: its transactions
/// exclude each other from their first statement.
pub async fn lock_family(
    db: &impl ConnectionTrait,
    app_id: &str,
    cluster: &str,
    namespace: &str,
) -> Result<bool, StoreError> {
    use namespace::{Column, Entity};
    if db.get_database_backend() == DbBackend::Sqlite {
        return Ok(true);
    }
    let parent = subquery(parent(app_id, cluster, namespace));
    let own = subquery(own(app_id, cluster, namespace));
    // Selected by the primary key, so that no engine locks rows that do not match.
    let row = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Expr::col(Column::Id).eq(Func::coalesce([parent, own])))
        .and_where(is_unset(Expr::col(Column::IsDeleted)))
        .lock(LockType::Update)
        .take();
    Ok(db.query_one(&row).await?.is_some())
}

pub(super) fn subquery(select: SelectStatement) -> Expr {
    Expr::SubQuery(None, Box::new(select.into()))
}

pub(super) fn own(app_id: &str, cluster: &str, namespace: &str) -> SelectStatement {
    use namespace::{Column, Entity};
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Expr::col(Column::AppId).eq(app_id))
        .and_where(Expr::col(Column::ClusterName).eq(cluster))
        .and_where(Expr::col(Column::NamespaceName).eq(namespace))
        .and_where(is_unset(Expr::col(Column::IsDeleted)))
        .limit(1)
        .take()
}

/// The parent of a branch never changes, so it may be read in the statement that locks.
fn parent(app_id: &str, branch: &str, name: &str) -> SelectStatement {
    use cluster::{Column as Cluster, Entity as Clusters};
    use namespace::{Column as Namespace, Entity as Namespaces};
    let (child, above, root) = (Alias::new("child"), Alias::new("above"), Alias::new("root"));
    let of_child = |column: Cluster| Expr::col((child.clone(), column));
    let of_above = |column: Cluster| Expr::col((above.clone(), column));
    let of_root = |column: Namespace| Expr::col((root.clone(), column));
    let is_above = of_above(Cluster::Id).equals((child.clone(), Cluster::ParentClusterId));
    let is_root = of_root(Namespace::AppId)
        .equals((above.clone(), Cluster::AppId))
        .and(of_root(Namespace::ClusterName).equals((above.clone(), Cluster::Name)))
        .and(of_root(Namespace::NamespaceName).eq(name))
        .and(is_unset(of_root(Namespace::IsDeleted)));
    Query::select()
        .column((root.clone(), Namespace::Id))
        .from_as(Clusters, child.clone())
        .join_as(JoinType::InnerJoin, Clusters, above.clone(), is_above)
        .join_as(JoinType::InnerJoin, Namespaces, root.clone(), is_root)
        .and_where(of_child(Cluster::AppId).eq(app_id))
        .and_where(of_child(Cluster::Name).eq(branch))
        .and_where(is_unset(of_child(Cluster::IsDeleted)))
        .limit(1)
        .take()
}
