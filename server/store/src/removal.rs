//! Queries: hide everything that belongs to an app, to some of its clusters or to one of its
//! definitions, in few statements whatever its size. The order of the steps is not known here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use crate::condition::chunks;
use crate::entity::{
    cluster, commit, gray_release_rule, instance_config, item, namespace, release, release_history,
};
use crate::error::StoreError;
use crate::flag::is_set;
use crate::namespace::lock_where;
use crate::number::Id;
use crate::release::ACTIVE;
use crate::row::decode;
use crate::row::{Deletion, InNamespace, Standard, hide as hidden, now};

/// Time after 1970 before which nothing was deleted.
const LEAST_AGE: TimeDelta = TimeDelta::days(365);

/// An app with all or some of its clusters and branches, and all or one of their namespaces.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    app_id: &'a str,
    clusters: Option<&'a [&'a str]>,
    namespace: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// The whole app, including namespaces whose cluster does not exist.
    pub fn of_app(app_id: &'a str) -> Self {
        Self { app_id, clusters: None, namespace: None }
    }

    /// The namespaces with this name in all clusters and branches, including those whose cluster
    /// does not exist.
    pub fn of_definition(app_id: &'a str, namespace: &'a str) -> Self {
        Self { app_id, clusters: None, namespace: Some(namespace) }
    }

    /// These clusters and branches.
    pub fn of_clusters(app_id: &'a str, clusters: &'a [&'a str]) -> Self {
        Self { app_id, clusters: Some(clusters), namespace: None }
    }

    /// The namespaces with this name in these clusters and branches.
    pub fn of_namespace(app_id: &'a str, clusters: &'a [&'a str], namespace: &'a str) -> Self {
        Self { app_id, clusters: Some(clusters), namespace: Some(namespace) }
    }

    pub(crate) fn within<C: ColumnTrait>(self, app_id: C, cluster: C) -> Condition {
        let all = Condition::all().add(app_id.eq(self.app_id));
        match self.clusters {
            Some(clusters) => all.add(cluster.is_in(clusters.iter().copied())),
            None => all,
        }
    }

    pub(crate) fn of<E: InNamespace>(self) -> Condition {
        self.at(E::PLACE)
    }

    fn at<C: ColumnTrait>(self, [app_id, cluster, namespace]: [C; 3]) -> Condition {
        let all = self.within(app_id, cluster);
        match self.namespace {
            Some(name) => all.add(namespace.eq(name)),
            None => all,
        }
    }
}

/// Locks the namespaces, oldest first.
pub async fn lock_namespaces(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
) -> Result<(), StoreError> {
    lock_where(db, scope.of::<namespace::Entity>()).await
}

/// The namespaces by id, to be removed: names that cannot be decoded are empty.
pub async fn namespaces(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
) -> Result<Vec<namespace::Model>, StoreError> {
    let found = namespace::Entity::live().filter(scope.of::<namespace::Entity>());
    decode::all_repaired(db, found.order_by_asc(namespace::Column::Id)).await
}

/// Hides namespaces, releases, gray rules, history and commits, and removes the records of their
/// readers; hides clusters too unless the scope is that of namespaces with one name. Items are
/// kept: they belong to a namespace by its id, which is never reused.
pub async fn hide(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    by: &Deletion,
) -> Result<(), StoreError> {
    use instance_config::Column as Read;
    hide_published(db, scope, by).await?;
    by.hide::<commit::Entity>(db, scope.of::<commit::Entity>()).await?;
    let read = scope.at([Read::ConfigAppId, Read::ConfigClusterName, Read::ConfigNamespaceName]);
    instance_config::Entity::delete_many().filter(read).exec(db).await?;
    by.hide::<namespace::Entity>(db, scope.of::<namespace::Entity>()).await?;
    if scope.namespace.is_none() {
        let clusters = scope.within(cluster::Column::AppId, cluster::Column::Name);
        by.hide::<cluster::Entity>(db, clusters).await?;
    }
    Ok(())
}

/// Hides releases, gray rules and history.
pub async fn hide_published(
    db: &impl ConnectionTrait,
    scope: Scope<'_>,
    by: &Deletion,
) -> Result<(), StoreError> {
    by.hide::<release::Entity>(db, scope.of::<release::Entity>()).await?;
    by.remove::<gray_release_rule::Entity>(db, scope.of::<gray_release_rule::Entity>()).await?;
    by.hide::<release_history::Entity>(db, scope.of::<release_history::Entity>()).await?;
    Ok(())
}

/// Those of the places, each a cluster and a name, under which there is a release or an active gray
/// rule, whether there is a namespace or not.
pub async fn published(
    db: &impl ConnectionTrait,
    app_id: &str,
    wanted: &[(&str, &str)],
) -> Result<BTreeSet<(String, String)>, StoreError> {
    use gray_release_rule::Column::BranchStatus;
    let (clusters, names): (BTreeSet<&str>, BTreeSet<&str>) = wanted.iter().copied().unzip();
    let (clusters, names) = (Vec::from_iter(clusters), Vec::from_iter(names));
    let mut found = BTreeSet::new();
    for clusters in chunks(&clusters) {
        for names in chunks(&names) {
            let releases = release::Entity::live();
            found.extend(places(db, releases, app_id, &clusters, &names).await?);
            let rules = gray_release_rule::Entity::live().filter(BranchStatus.eq(ACTIVE));
            found.extend(places(db, rules, app_id, &clusters, &names).await?);
        }
    }
    // Each name was looked for in each cluster, and in the spellings that are one to the database.
    found.retain(|(cluster, name)| {
        let mut wanted = wanted.iter();
        wanted.any(|(c, n)| c.eq_ignore_ascii_case(cluster) && n.eq_ignore_ascii_case(name))
    });
    Ok(found)
}

async fn places<E: InNamespace>(
    db: &impl ConnectionTrait,
    rows: Select<E>,
    app_id: &str,
    clusters: &[&str],
    names: &[&str],
) -> Result<Vec<(String, String)>, StoreError> {
    let [of_app, cluster, namespace] = E::PLACE;
    let rows = rows
        .filter(of_app.eq(app_id))
        .filter(cluster.is_in(clusters.iter().copied()))
        .filter(namespace.is_in(names.iter().copied()));
    let rows = rows.select_only().columns([cluster, namespace]).distinct();
    Ok(rows.into_tuple().all(db).await?)
}

/// Hides the clusters of branches among these namespaces, which were hidden. Returns their ids.
pub async fn hide_branches(
    db: &impl ConnectionTrait,
    namespaces: &[Id],
    by: &Deletion,
) -> Result<Vec<Id>, StoreError> {
    use namespace::{Column, Entity};
    let mut found = Vec::new();
    for chunk in chunks(namespaces) {
        let mut names = Query::select();
        names
            .column((Entity, Column::ClusterName))
            .from(Entity)
            .and_where(Column::Id.is_in(chunk))
            .and_where(
                Expr::col((Entity, Column::AppId))
                    .equals((cluster::Entity, cluster::Column::AppId)),
            );
        let branches = cluster::Entity::live()
            .filter(cluster::Column::ParentClusterId.gt(0))
            .filter(cluster::Column::Name.in_subquery(names));
        found.extend(
            branches.select_only().column(cluster::Column::Id).into_tuple::<Id>().all(db).await?,
        );
    }
    for chunk in chunks(&found) {
        by.hide::<cluster::Entity>(db, cluster::Column::Id.is_in(chunk)).await?;
    }
    Ok(found)
}

/// Some namespaces.
#[derive(Clone, Debug)]
pub struct Portion {
    /// The greatest id.
    pub last: Id,
    /// Those that are deleted.
    pub deleted: Vec<Id>,
}

/// The namespaces with greater ids, by id; `None` if there are none. Each statement reads no more
/// rows than the limit: no index finds those that are deleted.
pub async fn namespaces_after(
    db: &impl ConnectionTrait,
    id: Id,
    limit: u64,
) -> Result<Option<Portion>, StoreError> {
    use namespace::{Column, Entity};
    let next = Entity::find().filter(Column::Id.gt(id)).order_by_asc(Column::Id).limit(limit);
    let next: Vec<Id> = next.select_only().column(Column::Id).into_tuple().all(db).await?;
    let Some(last) = next.last().copied() else { return Ok(None) };
    let mut deleted = Vec::new();
    for chunk in chunks(&next) {
        let found = Entity::find()
            .filter(Column::Id.is_in(chunk))
            .filter(is_set(Column::IsDeleted.into_expr()));
        deleted.extend(found.select_only().column(Column::Id).into_tuple::<Id>().all(db).await?);
    }
    Ok(Some(Portion { last, deleted }))
}

/// Hides the items of those of the namespaces that are deleted, with the time of the namespace;
/// their last editor is kept. A namespace that was restored meanwhile keeps its items.
pub async fn hide_items(db: &impl ConnectionTrait, namespaces: &[Id]) -> Result<(), StoreError> {
    use namespace::Column;
    let mut by_time: BTreeMap<i64, Vec<Id>> = BTreeMap::new();
    for chunk in chunks(namespaces) {
        let deleted = namespace::Entity::find()
            .filter(Column::Id.is_in(chunk))
            .filter(is_set(Column::IsDeleted.into_expr()))
            .select_only()
            .columns([Column::Id, Column::DeletedAt])
            .order_by_asc(Column::Id)
            .lock_exclusive();
        for (id, at) in deleted.into_tuple::<(Id, i64)>().all(db).await? {
            by_time.entry(at).or_default().push(id);
        }
    }
    for (at, ids) in by_time {
        let at = time_of(at);
        for chunk in chunks(&ids) {
            hidden::<item::Entity>(item::Column::NamespaceId.is_in(chunk), at).exec(db).await?;
        }
    }
    Ok(())
}

/// When rows were deleted. `DeletedAt` of those that Apollo deleted before its version 2.0 is minus
/// their id, and strict MySQL stores no time before 1970.
fn time_of(deleted_at: i64) -> DateTime<Utc> {
    let time = DateTime::from_timestamp_millis(deleted_at);
    time.filter(|time| *time > DateTime::UNIX_EPOCH + LEAST_AGE).unwrap_or_else(now)
}
