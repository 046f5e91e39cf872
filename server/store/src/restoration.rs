//! Queries: which rows of an app are hidden, and rows that were hidden together are shown again,
//! definitions as new rows. One deletion gives all of its rows one time
//! ([`Deletion`](crate::Deletion)), by which they are found. What may be restored is not known
//! here.

mod order;
pub mod unused;

use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, IntoCondition, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
};

use crate::condition::chunks;
use crate::entity::{
    access_key, app, app_namespace, cluster, commit, favorite, gray_release_rule, item, namespace,
    release, release_history,
};
use crate::error::StoreError;
use crate::feed::readable;
use crate::flag::{is_set, is_unset};
use crate::number::Id;
use crate::removal::Scope;
use crate::row::{InNamespace, Standard, now};

pub use self::order::{Reassigned, reassign, with_clusters_hidden_later};

/// Rows of one table that are read at most, the latest ones.
const LIMIT: u64 = 1_000;
/// The rows of a deletion by Apollo have different times, which lie closer together than
/// this, in milliseconds.
pub const SPREAD: i64 = 60_000;

/// The rows of an app that were hidden at or since some time, the latest first: of a list, the
/// namespaces without those that were hidden with an app or a cluster.
#[derive(Clone, Debug)]
pub struct DeletedRows {
    pub apps: Vec<app::Model>,
    pub definitions: Vec<app_namespace::Model>,
    /// Including branches.
    pub clusters: Vec<cluster::Model>,
    /// Including those of branches.
    pub namespaces: Vec<namespace::Model>,
}

/// The times of the deletions that are searched for, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub enum When {
    At(i64),
    Since(i64),
}

/// What is hidden of an app in an environment.
pub async fn hidden_of_app(
    db: &impl ConnectionTrait,
    app_id: &str,
    when: When,
) -> Result<DeletedRows, StoreError> {
    let clusters = hidden::<cluster::Entity>(when).filter(cluster::Column::AppId.eq(app_id));
    let clusters = readable::models(db, clusters).await?;
    let apps = hidden_apps_named(db, app_id, when).await?;
    let mut namespaces =
        hidden::<namespace::Entity>(when).filter(namespace::Column::AppId.eq(app_id));
    if matches!(when, When::Since(_)) {
        // Those of one large cluster would leave no room for others.
        let times = apps.iter().map(|row| row.deleted_at);
        // A branch is hidden together with its namespace, which has to be in the list.
        let whole = clusters.iter().filter(|row| row.parent_cluster_id == Id(0));
        let times = times.chain(whole.map(|row| row.deleted_at));
        namespaces = namespaces.filter(namespace::Column::DeletedAt.is_not_in(times));
    }
    let namespaces = readable::models(db, namespaces).await?;
    let definitions = hidden_definitions(db, app_id, when).await?;
    Ok(DeletedRows { apps, definitions, clusters, namespaces })
}

/// The hidden apps with this id, the latest first.
pub async fn hidden_apps_named(
    db: &impl ConnectionTrait,
    app_id: &str,
    when: When,
) -> Result<Vec<app::Model>, StoreError> {
    readable::models(db, hidden::<app::Entity>(when).filter(app::Column::AppId.eq(app_id))).await
}

/// The hidden definitions of an app, the latest first.
pub async fn hidden_definitions(
    db: &impl ConnectionTrait,
    app_id: &str,
    when: When,
) -> Result<Vec<app_namespace::Model>, StoreError> {
    let of_app = app_namespace::Column::AppId.eq(app_id);
    readable::models(db, hidden::<app_namespace::Entity>(when).filter(of_app)).await
}

/// The hidden apps, the latest first.
pub async fn hidden_apps(
    db: &impl ConnectionTrait,
    when: When,
) -> Result<Vec<app::Model>, StoreError> {
    readable::models(db, hidden::<app::Entity>(when)).await
}

fn hidden<E: Standard>(when: When) -> Select<E> {
    let is_then = match when {
        When::At(at) => E::DELETED_AT.eq(at),
        When::Since(since) => E::DELETED_AT.gte(since),
    };
    let found = E::find().filter(is_set(E::IS_DELETED.into_expr())).filter(is_then);
    let latest = found.order_by_desc(E::DELETED_AT);
    match when {
        When::At(_) => latest,
        When::Since(_) => latest.limit(LIMIT),
    }
}

/// Those of the hidden namespaces whose cluster exists and has no namespace of the same name. The
/// database decides whether two spellings are one name.
pub async fn vacant(db: &impl ConnectionTrait, ids: &[Id]) -> Result<Vec<Id>, StoreError> {
    use namespace::{Column, Entity};
    let present = Alias::new("present");
    let other = |column: Column| Expr::col((present.clone(), column));
    let mut same = Query::select();
    same.expr(Expr::val(1)).from_as(Entity, present.clone());
    for column in Entity::PLACE {
        same.and_where(other(column).equals((Entity, column)));
    }
    same.and_where(is_unset(other(Column::IsDeleted)));
    let of_cluster = |column: cluster::Column| Expr::col((cluster::Entity, column));
    let mut clusters = Query::select();
    clusters
        .expr(Expr::val(1))
        .from(cluster::Entity)
        .and_where(of_cluster(cluster::Column::AppId).equals((Entity, Column::AppId)))
        .and_where(of_cluster(cluster::Column::Name).equals((Entity, Column::ClusterName)))
        .and_where(is_unset(of_cluster(cluster::Column::IsDeleted)));
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let vacant = Entity::find()
            .filter(Column::Id.is_in(chunk))
            .filter(Expr::exists(same.clone()).not())
            .filter(Expr::exists(clusters.clone()));
        found.extend(vacant.select_only().column(Column::Id).into_tuple::<Id>().all(db).await?);
    }
    Ok(found)
}

/// Whether something of the scope was hidden at about this time, but not together with a namespace
/// of the app: another program deleted it, or an earlier version of this one, and which rows belong
/// together cannot be known.
pub async fn is_scattered(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    at: i64,
) -> Result<bool, StoreError> {
    Ok(is_apart::<release::Entity>(db, scope, at).await?
        || is_apart::<release_history::Entity>(db, scope, at).await?
        || is_apart::<commit::Entity>(db, scope, at).await?)
}

async fn is_apart<E: InNamespace>(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    at: i64,
) -> Result<bool, StoreError> {
    let ([app_id, ..], [own_app, ..]) = (E::PLACE, namespace::Entity::PLACE);
    let same = |own: namespace::Column, other: E::Column| {
        Expr::col((namespace::Entity, own)).equals((E::default(), other))
    };
    let mut namespaces = Query::select();
    namespaces
        .expr(Expr::val(1))
        .from(namespace::Entity)
        .and_where(same(own_app, app_id))
        .and_where(same(namespace::Column::DeletedAt, E::DELETED_AT));
    let apart = E::find()
        .filter(scope.of::<E>())
        .filter(E::DELETED_AT.between(at - SPREAD, at + SPREAD))
        .filter(E::DELETED_AT.ne(at))
        .filter(is_set(E::IS_DELETED.into_expr()))
        .filter(Expr::exists(namespaces).not());
    let found = apart.select_only().expr(Expr::val(1)).limit(1).into_tuple::<i32>();
    Ok(found.one(db).await?.is_some())
}

/// Shows clusters and branches of the scope that were hidden at this time, with their namespaces
/// and everything in these.
pub async fn show(db: &impl ConnectionTrait, scope: Scope<'_>, at: i64) -> Result<(), StoreError> {
    let clusters = scope.within(cluster::Column::AppId, cluster::Column::Name);
    show_rows::<cluster::Entity>(db, clusters, at).await?;
    show_namespaces(db, scope, at).await?;
    show_rows::<gray_release_rule::Entity>(db, scope.of::<gray_release_rule::Entity>(), at).await
}

/// Shows the namespaces of the scope that were hidden at this time, with everything in them but
/// their gray rules: the deletion of a single namespace ends its gray release.
pub async fn show_namespaces(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    at: i64,
) -> Result<(), StoreError> {
    let of_scope =
        hidden::<namespace::Entity>(When::At(at)).filter(scope.of::<namespace::Entity>());
    let ids = of_scope.select_only().column(namespace::Column::Id);
    let ids: Vec<Id> = ids.into_tuple().all(db).await?;
    // The namespaces are first: who hides their items waits, and finds them shown.
    show_rows::<namespace::Entity>(db, scope.of::<namespace::Entity>(), at).await?;
    for chunk in chunks(&ids) {
        show_rows::<item::Entity>(db, item::Column::NamespaceId.is_in(chunk), at).await?;
    }
    show_rows::<commit::Entity>(db, scope.of::<commit::Entity>(), at).await?;
    show_rows::<release::Entity>(db, scope.of::<release::Entity>(), at).await?;
    show_rows::<release_history::Entity>(db, scope.of::<release_history::Entity>(), at).await
}

/// Shows the definition with this name, or all of the app, that were hidden at this time. Each gets
/// a new id: nodes of Apollo look for definitions with greater ids than those that they know, and
/// would not find a row that is shown again.
pub async fn show_definitions(
    db: &impl ConnectionTrait,
    app_id: &str,
    name: Option<&str>,
    at: i64,
) -> Result<(), StoreError> {
    use app_namespace::{Column, Entity};
    let mut definitions = Condition::all()
        .add(is_set(Column::IsDeleted.into_expr()))
        .add(Column::DeletedAt.eq(at))
        .add(Column::AppId.eq(app_id));
    if let Some(name) = name {
        definitions = definitions.add(Column::Name.eq(name));
    }
    copy_as_new(db, definitions.clone()).await?;
    Entity::delete_many().filter(definitions).exec(db).await?;
    Ok(())
}

/// Inserts copies of definitions. The database makes them, so that a column that cannot be decoded
/// stays as it is.
async fn copy_as_new(db: &impl ConnectionTrait, definitions: Condition) -> Result<(), StoreError> {
    use app_namespace::{Column, Entity};
    // What is left out gets its default, which is that of a new row.
    let is_copied = |column: &Column| {
        !matches!(
            column,
            Column::Id | Column::IsDeleted | Column::DeletedAt | Column::DataChangeLastTime
        )
    };
    let columns: Vec<Column> = Column::iter().filter(is_copied).collect();
    let rows = Entity::find().filter(definitions).order_by_asc(Column::Id);
    let rows = rows.select_only().columns(columns.iter().copied()).into_query();
    let mut copies = Query::insert();
    copies.into_table(Entity).columns(columns);
    copies.select_from(rows).map_err(|error| StoreError::other(error.to_string()))?;
    db.execute_raw(db.get_database_backend().build(&copies)).await?;
    Ok(())
}

/// Shows the app that was hidden at this time.
pub async fn show_app(db: &impl ConnectionTrait, app_id: &str, at: i64) -> Result<(), StoreError> {
    show_rows::<app::Entity>(db, app::Column::AppId.eq(app_id), at).await
}

/// Shows the access keys of the app that were hidden at this time.
pub async fn show_access_keys(
    db: &impl ConnectionTrait,
    app_id: &str,
    at: i64,
) -> Result<(), StoreError> {
    show_rows::<access_key::Entity>(db, access_key::Column::AppId.eq(app_id), at).await
}

/// Shows all users' favourites of the app that were hidden at this time.
pub async fn show_favorites(
    db: &impl ConnectionTrait,
    app_id: &str,
    at: i64,
) -> Result<(), StoreError> {
    show_rows::<favorite::Entity>(db, favorite::Column::AppId.eq(app_id), at).await
}

/// Shows the rows that match the condition and were hidden at this time.
pub(crate) async fn show_rows<E: Standard>(
    db: &impl ConnectionTrait,
    condition: impl IntoCondition,
    at: i64,
) -> Result<(), StoreError> {
    E::update_many()
        .col_expr(E::IS_DELETED, Expr::value(false))
        .col_expr(E::DELETED_AT, Expr::value(0_i64))
        // MySQL does this automatically, the others do not.
        .col_expr(E::LAST_TIME, Expr::value(now()))
        .filter(is_set(E::IS_DELETED.into_expr()))
        .filter(E::DELETED_AT.eq(at))
        .filter(condition.into_condition())
        .exec(db)
        .await?;
    Ok(())
}
