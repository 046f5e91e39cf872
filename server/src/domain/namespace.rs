//! Namespaces: created empty, deleted with their items, commits, releases, history and branch.

mod leftover;
mod limit;

pub(super) use self::leftover::hide_leftovers;
pub use self::limit::NamespaceLimit;
pub use crate::feed::cache::NamespaceKey;
pub use castalia_store::namespace::Namespace;

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use castalia_store::instance::ConfigNamespace;
use castalia_store::namespace::{NamespaceRow, find as find_named};
use castalia_store::{Connection, Store, Transaction};

use super::app;
use super::app_namespace::AppNamespace;
use super::audit::Trail;
use super::branch::{self, BranchStatus};
use super::cluster;
use super::constraint::{self, Author, check_name, check_width, fitting};
use super::gray_rule;
use super::page::{Page, Paged};
use super::removal::Removal;
use super::revision::Base;
use super::unique;
use crate::error::{Code, Error, Result};
use crate::server_config::ServerConfig;

/// A request to create a namespace.
#[derive(Debug, Clone, Default)]
pub struct NewNamespace {
    /// App that the namespace belongs to.
    pub app_id: Option<String>,
    /// Cluster or branch.
    pub cluster: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Author of the request.
    pub author: Author,
}

/// The three names of a namespace.
#[must_use]
pub fn key_of(namespace: &Namespace) -> NamespaceKey {
    NamespaceKey::new(&namespace.app_id, &namespace.cluster_name, &namespace.namespace_name)
}

/// Creates a namespace with the names of the body; `app_id` and `cluster` are those of the path.
/// App, cluster and definition need not exist, as in Apollo, but may not have been deleted.
///
/// # Errors
/// Fails if it exists, or if the cluster has reached its limit.
pub async fn create(
    store: &Store,
    config: &ServerConfig,
    app_id: &str,
    cluster: &str,
    new: NewNamespace,
) -> Result<Namespace> {
    check_name(new.name.as_deref(), "Namespace")?;
    let limit = NamespaceLimit::of(config, new.app_id.as_deref().unwrap_or_default());
    let input = (app_id.to_owned(), cluster.to_owned(), new, limit);
    unique::write(store, input, |tx, (app_id, cluster, new, limit)| {
        Box::pin(create_at(tx, (app_id, cluster), new, *limit))
    })
    .await
}

async fn create_at(
    tx: &Transaction,
    (app_id, cluster): (&str, &str),
    new: &NewNamespace,
    limit: NamespaceLimit,
) -> Result<Namespace> {
    let stored = app::lock_existing(tx, new.app_id.as_deref().unwrap_or(app_id)).await?;
    let new = &NewNamespace { app_id: new.app_id.as_ref().map(|_| stored), ..new.clone() };
    let name = new.name.as_deref().unwrap_or_default();
    cluster::require_not_deleted(tx, new.app_id.as_deref(), new.cluster.as_deref()).await?;
    if find_named(tx, app_id, cluster, name).await?.is_some() {
        let message = format!("namespace already exists for namespaceName:{name}");
        return Err(Error::bad_request(message).with_code(Code::NamespaceExists));
    }
    let mut trail = Trail::of(new.author.created_by.as_deref());
    let namespace = create_in(tx, new, limit, &mut trail).await?;
    trail.write(tx).await?;
    Ok(namespace)
}

async fn create_in(
    tx: &Transaction,
    new: &NewNamespace,
    limit: NamespaceLimit,
    trail: &mut Trail,
) -> Result<Namespace> {
    let app_id = fitting(new.app_id.as_deref(), "AppId", constraint::APP_ID)?;
    let cluster_name = fitting(new.cluster.as_deref(), "ClusterName", constraint::NAME)?;
    let namespace_name = fitting(new.name.as_deref(), "NamespaceName", constraint::NAME)?;
    if find_named(tx, &app_id, &cluster_name, &namespace_name).await?.is_some() {
        return Err(Error::service("namespace not unique").with_code(Code::NamespaceExists));
    }
    limit.check(tx, &app_id, &cluster_name, 1).await?;
    let author = new.author.checked()?;
    let place = [(cluster_name.as_str(), namespace_name.as_str())];
    trail.wake(hide_leftovers(tx, &app_id, &place, &author.created_by).await?);
    let row = NamespaceRow { app_id, cluster_name, namespace_name };
    let namespace = castalia_store::namespace::insert(tx, row, author).await?;
    trail.inserted("Namespace", namespace.id);
    Ok(namespace)
}

/// Creates the namespaces of a definition in clusters of its app that lack it.
pub(super) async fn create_in_each(
    tx: &Transaction,
    definition: &AppNamespace,
    clusters: &[String],
    operator: &str,
    limit: &NamespaceLimit,
    trail: &mut Trail,
) -> Result<()> {
    let AppNamespace { app_id, name, .. } = definition;
    let names: Vec<&str> = clusters.iter().map(String::as_str).collect();
    limit.check_each(tx, app_id, &names, 1).await?;
    let places: Vec<(&str, &str)> = names.iter().map(|cluster| (*cluster, name.as_str())).collect();
    trail.wake(hide_leftovers(tx, app_id, &places, operator).await?);
    insert_all(tx, app_id, clusters.iter().map(|cluster| [cluster, name]), operator, trail).await
}

/// Creates a namespace for each definition of the app in a new cluster, unless one was created
/// before the cluster; no limit applies. Fails if a name cannot be decoded, because the cluster
/// would lack that namespace.
pub(super) async fn instantiate_definitions(
    tx: &Transaction,
    app_id: &str,
    cluster: &str,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    instantiate_definitions_unless(|_| false, tx, app_id, cluster, operator, trail).await
}

/// The same without some names.
pub(super) async fn instantiate_definitions_unless(
    is_left_out: impl Fn(&str) -> bool,
    tx: &Transaction,
    app_id: &str,
    cluster: &str,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let missing = castalia_store::namespace::app_namespace_names_without(tx, app_id, cluster);
    let mut missing = missing.await?;
    missing.retain(|name| !is_left_out(name));
    let places: Vec<(&str, &str)> = missing.iter().map(|name| (cluster, name.as_str())).collect();
    trail.wake(hide_leftovers(tx, app_id, &places, operator).await?);
    let cluster = cluster.to_owned();
    insert_all(tx, app_id, missing.iter().map(|name| [&cluster, name]), operator, trail).await
}

async fn insert_all<'a>(
    tx: &Transaction,
    app_id: &str,
    places: impl Iterator<Item = [&'a String; 2]>,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let rows = places.map(|[cluster, namespace]| NamespaceRow {
        app_id: app_id.to_owned(),
        cluster_name: cluster.clone(),
        namespace_name: namespace.clone(),
    });
    let created = castalia_store::namespace::insert_all(tx, app_id, rows.collect(), operator);
    for namespace in created.await? {
        trail.inserted("Namespace", namespace.id);
    }
    Ok(())
}

/// Deletes a namespace with everything in it.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn delete(store: &Store, key: &NamespaceKey, operator: &str, base: Base) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let input = (key.clone(), operator.to_owned(), base);
    store
        .write(input, |tx, (key, operator, base)| {
            Box::pin(async move {
                let namespace = find_locked(tx, key).await?;
                base.check(tx, &namespace).await?;
                let mut removal = Removal::by(operator);
                delete_in(tx, &namespace, &mut removal).await?;
                removal.finish(tx).await
            })
        })
        .await
}

/// Deletes a locked namespace with everything in it. Releases of a branch are kept, because the
/// history of the parent names them.
pub(super) async fn delete_in(
    tx: &Transaction,
    namespace: &Namespace,
    removal: &mut Removal,
) -> Result<()> {
    let (app_id, cluster, name) =
        (&namespace.app_id, &namespace.cluster_name, &namespace.namespace_name);
    let by = &removal.deletion.clone();
    if cluster.is_empty() || name.is_empty() {
        return delete_nameless(tx, namespace, removal).await;
    }
    let family = match branch::Family::of(tx, namespace).await {
        // Which relatives there are cannot be decoded; what is deleted does not depend on them.
        Err(error) if error.is_unreadable() => branch::Relatives::default(),
        family => family?.relatives(),
    };
    if let Some(parent) = &family.parent {
        // Deleting the namespace or the cluster of a branch ends the branch: its clients receive
        // the main line.
        let parent = key_of(parent);
        if gray_rule::close_active(tx, &parent, cluster, by.operator()).await? {
            removal.watch_keys.push(parent.watch_key());
        }
    }
    castalia_store::item::delete_of_namespace(tx, namespace.id, by).await?;
    castalia_store::item::delete_commits_of_namespace(tx, app_id, cluster, name, by).await?;
    if family.parent.is_none() {
        castalia_store::release::delete_of_namespace(tx, app_id, cluster, name, by).await?;
    }
    if let Some(child) = &family.branch {
        branch::delete_in(
            tx,
            &key_of(namespace),
            &child.cluster_name,
            BranchStatus::Deleted,
            removal,
        )
        .await?;
        castalia_store::release::delete_of_namespace(tx, app_id, &child.cluster_name, name, by)
            .await?;
    }
    castalia_store::release::delete_histories_of_namespace(tx, app_id, cluster, name, by).await?;
    let read = ConfigNamespace { app_id, cluster, namespace: name };
    castalia_store::instance::delete_configs_of_namespace(tx, read).await?;
    castalia_store::namespace::delete_lock(tx, namespace.id).await?;
    removal.trail.deleted("Namespace", namespace.id);
    castalia_store::namespace::delete(tx, namespace.id, by).await?;
    removal.watch_keys.push(key_of(namespace).watch_key());
    Ok(())
}

/// Deletes a namespace of which a name cannot be decoded: what belongs to it by names cannot be
/// found, and clients cannot either.
async fn delete_nameless(
    tx: &Transaction,
    namespace: &Namespace,
    removal: &mut Removal,
) -> Result<()> {
    let by = &removal.deletion;
    castalia_store::item::delete_of_namespace(tx, namespace.id, by).await?;
    castalia_store::namespace::delete_lock(tx, namespace.id).await?;
    castalia_store::namespace::delete(tx, namespace.id, by).await?;
    removal.trail.deleted("Namespace", namespace.id);
    Ok(())
}

/// Locks a namespace and its branch, or a branch and its parent, until the end of the transaction.
/// Every change of what belongs to one of them starts with this call: values that were read before
/// may be stale. Returns whether the namespace exists.
pub(super) async fn lock(tx: &Transaction, key: &NamespaceKey) -> Result<bool> {
    let NamespaceKey { app_id, cluster, namespace } = key;
    Ok(castalia_store::namespace::lock_family(tx, app_id, cluster, namespace).await?)
}

/// The namespace with these names, locked.
pub(super) async fn find_locked(tx: &Transaction, key: &NamespaceKey) -> Result<Namespace> {
    if !lock(tx, key).await? {
        return Err(not_found(key));
    }
    find(tx, key).await
}

/// The namespace with these names.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn find(db: &impl Connection, key: &NamespaceKey) -> Result<Namespace> {
    let namespace = find_named(db, &key.app_id, &key.cluster, &key.namespace).await?;
    namespace.ok_or_else(|| not_found(key))
}

/// The error for a missing namespace that the request addresses.
pub(super) fn not_found(key: &NamespaceKey) -> Error {
    Error::not_found(format!("namespace not found for {}", names(key)))
        .with_code(Code::NamespaceNotFound)
}

/// Same as [`find`], with a bad request as the error: for requests that refer to a namespace but do
/// not address it.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn require(db: &impl Connection, key: &NamespaceKey) -> Result<Namespace> {
    let namespace = find_named(db, &key.app_id, &key.cluster, &key.namespace).await?;
    namespace.ok_or_else(|| not_exists(key))
}

/// Same as [`require`], locked.
pub(super) async fn require_locked(tx: &Transaction, key: &NamespaceKey) -> Result<Namespace> {
    if !lock(tx, key).await? {
        return Err(not_exists(key));
    }
    require(tx, key).await
}

/// The error of Apollo for a missing namespace that the request only refers to.
pub(super) fn not_exists(key: &NamespaceKey) -> Error {
    Error::bad_request(format!("namespace not exist for {}", names(key)))
        .with_code(Code::NamespaceNotFound)
}

/// The names in the format of error messages.
pub(super) fn names(key: &NamespaceKey) -> String {
    format!("appId:{} clusterName:{} namespaceName:{}", key.app_id, key.cluster, key.namespace)
}

/// The namespace with this row id.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn by_id(db: &impl Connection, id: i64) -> Result<Namespace> {
    let namespace = castalia_store::namespace::by_id(db, id).await?;
    // Apollo's message refers to an item.
    let not_found = || {
        Error::not_found(format!("item not found for itemId:{id}"))
            .with_code(Code::NamespaceNotFound)
    };
    namespace.ok_or_else(not_found)
}

/// The namespaces of a cluster or branch.
pub async fn list(store: &Store, app_id: &str, cluster: &str) -> Result<Vec<Namespace>> {
    Ok(castalia_store::namespace::readable_of_cluster(store.read(), app_id, cluster).await?)
}

/// Namespaces that contain an item with exactly this key. The page is one of items, so it may
/// return fewer namespaces.
pub async fn find_by_item(store: &Store, item_key: &str, page: &Page) -> Result<Paged<Namespace>> {
    let mut ids = castalia_store::item::page_by_key(store.read(), item_key, page).await?;
    ids.sort_unstable();
    ids.dedup();
    let rows = castalia_store::namespace::by_ids(store.read(), &ids).await?;
    Ok(Paged { total: rows.len() as u64, rows })
}

/// The namespace of a public definition that clients of a cluster see: the owner's in that cluster
/// if it is published, else the owner's in `default` if that is published, else the one that
/// exists.
///
/// # Errors
/// Fails if the name is not public, or if its owner has no such namespace.
pub async fn associated_public(store: &Store, cluster: &str, name: &str) -> Result<Namespace> {
    let db = store.read();
    let Some(definition) = castalia_store::namespace::public_app_namespace(db, name).await? else {
        return Err(not_exists(&NamespaceKey::new("", cluster, name)));
    };
    let owner = &definition.app_id;
    let in_default = castalia_store::namespace::find(db, owner, DEFAULT_CLUSTER, name).await?;
    let in_cluster = match cluster {
        DEFAULT_CLUSTER => None,
        cluster => castalia_store::namespace::find(db, owner, cluster, name).await?,
    };
    let is_published = async |namespace: &Option<Namespace>| -> Result<bool> {
        let Some(Namespace { app_id, cluster_name, namespace_name, .. }) = namespace else {
            return Ok(false);
        };
        let newest =
            castalia_store::release::latest_active(db, app_id, cluster_name, namespace_name);
        Ok(newest.await?.is_some())
    };
    let found = if is_published(&in_cluster).await? {
        in_cluster
    } else if is_published(&in_default).await? {
        in_default
    } else {
        in_cluster.or(in_default)
    };
    found.ok_or_else(|| {
        Error::not_found(format!("public namespace not found. namespace:{name}"))
            .with_code(Code::NamespaceNotFound)
    })
}
