//! Gray branches: a hidden cluster below another one, whose namespace contains the values for some
//! of the clients. A branch is created, receives rules, is published on top of the main line,
//! follows its changes, and is deleted.

use castalia_store::app::ClusterRow;
use castalia_store::item::Content;
use castalia_store::namespace::{NamespaceRow, PublishState, Publishable};
use castalia_store::{Authorship, Connection, Id, Small, Store, StoreError, Transaction};
use futures_util::future::BoxFuture;

use super::audit::Trail;
use super::gray_rule;
use super::history::{self, Context, HistoryEntry, ReleaseOperation};
use super::namespace::{self, Namespace, NamespaceKey};
use super::release;
use super::removal::Removal;
use super::revision::Base;
use super::{cluster, key};
use crate::error::{Code, Error, Result};

/// State of a branch; the numbers are stored with its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchStatus {
    /// Abandoned.
    Deleted = 0,
    /// In use.
    Active = 1,
    /// Merged to the main line.
    Merged = 2,
}

impl BranchStatus {
    pub(super) fn code(self) -> Small {
        Small(self as i16)
    }
}

/// A namespace with its parent and its branch.
#[derive(Debug)]
pub(super) struct Family {
    /// The namespace, its editor, and the release of its clients.
    pub(super) own: PublishState,
    /// The parent, if this is the namespace of a branch.
    pub(super) parent: Option<Namespace>,
    /// The branch, if there is one.
    pub(super) branch: Option<Namespace>,
}

/// The relatives of a namespace.
#[derive(Debug, Default)]
pub(super) struct Relatives {
    /// The parent, if the namespace is that of a branch.
    pub(super) parent: Option<Namespace>,
    /// The branch, if there is one.
    pub(super) branch: Option<Namespace>,
}

impl Family {
    /// Without the namespace itself.
    pub(super) fn relatives(self) -> Relatives {
        Relatives { parent: self.parent, branch: self.branch }
    }

    /// Locks a namespace and its relatives, and reads them and the content of the namespace.
    pub(super) async fn to_publish(
        tx: &Transaction,
        key: &NamespaceKey,
    ) -> Result<(Self, Content)> {
        if !namespace::lock(tx, key).await? {
            return Err(namespace::not_found(key));
        }
        let NamespaceKey { app_id, cluster, namespace } = key;
        let read = castalia_store::namespace::publishable(tx, app_id, cluster, namespace).await?;
        let Publishable { namesakes, content } = read;
        let is_own = |row: &&PublishState| row.namespace.cluster_name == *cluster;
        let family = match namesakes.iter().find(is_own).cloned() {
            Some(own) => Self::among(tx, own, namesakes).await?,
            // The engine may treat names as equal that differ in case.
            None => Self::of(tx, &namespace::find(tx, key).await?).await?,
        };
        let content = match content {
            Some(content) => content,
            None => castalia_store::item::content_to_publish(tx, family.own.namespace.id).await?,
        };
        Ok((family, content))
    }

    /// Reads the relatives of a namespace.
    pub(super) async fn of(tx: &Transaction, namespace: &Namespace) -> Result<Self> {
        let (app_id, name) = (&namespace.app_id, &namespace.namespace_name);
        let namesakes = castalia_store::namespace::publish_states(tx, app_id, name).await?;
        match namesakes.iter().find(|row| row.namespace.id == namespace.id).cloned() {
            Some(own) => Self::among(tx, own, namesakes).await,
            None => Err(namespace::not_exists(&namespace::key_of(namespace))),
        }
    }

    /// A namespace whose name is unique in its app has no relatives. Most have none, so this saves
    /// queries.
    async fn among(
        tx: &Transaction,
        own: PublishState,
        namesakes: Vec<PublishState>,
    ) -> Result<Self> {
        if namesakes.len() < 2 {
            return Ok(Self { own, parent: None, branch: None });
        }
        let Namespace { app_id, cluster_name, namespace_name, .. } = &own.namespace;
        let Some(cluster) = castalia_store::app::cluster(tx, app_id, cluster_name).await? else {
            return Err(cluster_not_exists(cluster_name));
        };
        if let Some(parent) = parent_of(tx, &cluster, namespace_name).await? {
            return Ok(Self { own, parent: Some(parent), branch: None });
        }
        let namesakes = namesakes.into_iter().map(|row| row.namespace).collect();
        let branch = first_in_children(tx, &cluster, namesakes).await?;
        Ok(Self { own, parent: None, branch })
    }
}

async fn parent_of(
    db: &impl Connection,
    cluster: &cluster::Cluster,
    namespace: &str,
) -> Result<Option<Namespace>> {
    if cluster.parent_cluster_id.0 <= 0 {
        return Ok(None);
    }
    let Some(parent) = castalia_store::app::cluster_by_id(db, cluster.parent_cluster_id).await?
    else {
        return Ok(None);
    };
    Ok(castalia_store::namespace::find(db, &parent.app_id, &parent.name, namespace).await?)
}

async fn first_in_children(
    db: &impl Connection,
    cluster: &cluster::Cluster,
    namesakes: Vec<Namespace>,
) -> Result<Option<Namespace>> {
    let children = castalia_store::app::child_clusters(db, cluster.id).await?;
    let is_below = |row: &&Namespace| {
        !row.cluster_name.is_empty() && children.iter().any(|child| child.name == row.cluster_name)
    };
    if let Some(branch) = namesakes.iter().find(is_below) {
        return Ok(Some(branch.clone()));
    }
    check_no_branch(db, cluster, &children, &namesakes).await?;
    Ok(None)
}

/// Fails if one of the children may be the branch, because a name cannot be decoded: without its
/// branch, a namespace would be published as if it had none.
async fn check_no_branch(
    db: &impl Connection,
    cluster: &cluster::Cluster,
    children: &[cluster::Cluster],
    namesakes: &[Namespace],
) -> Result<()> {
    let unreadable = |table, id, column: &str| {
        Err(StoreError::Unreadable { table, id: Some(id), column: column.to_owned() }.into())
    };
    if children.is_empty() {
        return Ok(());
    }
    if let Some(nameless) = namesakes.iter().find(|row| row.cluster_name.is_empty()) {
        return unreadable("Namespace", nameless.id, "ClusterName");
    }
    let Some(nameless) = children.iter().find(|child| child.name.is_empty()) else {
        return Ok(());
    };
    for row in namesakes {
        let cluster =
            castalia_store::app::cluster_to_remove(db, &cluster.app_id, &row.cluster_name);
        if cluster.await?.is_none() {
            return unreadable("Cluster", nameless.id, "Name");
        }
    }
    Ok(())
}

fn cluster_not_exists(name: &str) -> Error {
    Error::bad_request(format!("cluster not exists for clusterName:{name}"))
        .with_code(Code::ClusterNotFound)
}

/// The parent of the namespace of a branch.
pub(super) async fn parent(
    db: &impl Connection,
    namespace: &Namespace,
) -> Result<Option<Namespace>> {
    match castalia_store::app::cluster(db, &namespace.app_id, &namespace.cluster_name).await? {
        Some(cluster) => parent_of(db, &cluster, &namespace.namespace_name).await,
        None => Ok(None),
    }
}

/// Creates a branch of a namespace, empty and without rules.
///
/// # Errors
/// Fails if there is no such namespace, or if it has a branch or is one itself.
pub async fn create(
    store: &Store,
    key: &NamespaceKey,
    operator: &str,
    base: Base,
) -> Result<Namespace> {
    let input = (key.clone(), operator.to_owned(), base);
    store
        .write(input, |tx, (key, operator, base)| Box::pin(create_in(tx, key, operator, base)))
        .await
}

async fn create_in(
    tx: &Transaction,
    key: &NamespaceKey,
    operator: &str,
    base: &Base,
) -> Result<Namespace> {
    let parent = namespace::require_locked(tx, key).await?;
    base.check(tx, &parent).await?;
    let key = &namespace::key_of(&parent);
    let above = castalia_store::app::cluster(tx, &key.app_id, &key.cluster).await?;
    let Some(above) = above.filter(|cluster| cluster.parent_cluster_id.0 == 0) else {
        return Err(cluster_not_exists(&key.cluster));
    };
    let namesakes = castalia_store::namespace::named(tx, &key.app_id, &key.namespace).await?;
    if first_in_children(tx, &above, namesakes).await?.is_some() {
        // Apollo's message states the opposite of the condition; its callers expect this text.
        return Err(namespace::not_exists(key).with_code(Code::BranchExists));
    }
    let mut trail = Trail::of(Some(operator));
    let author = Authorship::of(operator);
    let row = ClusterRow {
        name: key::generate(&key.app_id, &key.cluster, &key.namespace),
        app_id: key.app_id.clone(),
        parent_cluster_id: above.id,
        comment: None,
    };
    let child = castalia_store::app::insert_cluster(tx, row, author.clone()).await?;
    trail.inserted("Cluster", child.id);
    let row = NamespaceRow {
        app_id: key.app_id.clone(),
        cluster_name: child.name,
        namespace_name: key.namespace.clone(),
    };
    let namespace = castalia_store::namespace::insert(tx, row, author).await?;
    trail.inserted("Namespace", namespace.id);
    trail.write(tx).await?;
    Ok(namespace)
}

/// The branch of a namespace, if it has one.
///
/// # Errors
/// Fails if there is no such namespace.
pub async fn find(store: &Store, key: &NamespaceKey) -> Result<Option<Namespace>> {
    let db = store.read();
    namespace::require(db, key).await?;
    let namesakes = castalia_store::namespace::named(db, &key.app_id, &key.namespace).await?;
    if namesakes.len() < 2 {
        return Ok(None);
    }
    let Some(cluster) = castalia_store::app::cluster(db, &key.app_id, &key.cluster).await? else {
        return Err(cluster_not_exists(&key.cluster));
    };
    first_in_children(db, &cluster, namesakes).await
}

/// Fails for an unknown namespace or branch. Does not check that the branch belongs to this
/// cluster, as in Apollo. Returns the stored names.
///
/// # Errors
/// Fails if one of the two does not exist.
pub async fn require(
    db: &impl Connection,
    key: &NamespaceKey,
    branch: &str,
) -> Result<(NamespaceKey, String)> {
    let parent = namespace::require(db, key).await?;
    let NamespaceKey { app_id, namespace, .. } = key;
    match castalia_store::namespace::find(db, app_id, branch, namespace).await? {
        Some(found) => Ok((namespace::key_of(&parent), found.cluster_name)),
        None => Err(not_found(key, branch)),
    }
}

/// The error for an unknown branch.
#[must_use]
pub fn not_found(key: &NamespaceKey, branch: &str) -> Error {
    let NamespaceKey { app_id, cluster, namespace } = key;
    Error::bad_request(format!(
        "Namespace's branch not exist. AppId = {app_id}, ClusterName = {cluster}, NamespaceName = {namespace}, \
         BranchName = {branch}"
    ))
    .with_code(Code::BranchNotFound)
}

/// The same; also locks the namespace and its branch until the end of the transaction.
pub(super) async fn require_locked(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
) -> Result<(NamespaceKey, String)> {
    namespace::require_locked(tx, key).await?;
    require(tx, key, branch).await
}

/// Abandons a branch; `base` is the state of the branch, which is lost.
///
/// # Errors
/// Fails if there is no such branch, or if it has changed.
pub async fn delete(
    store: &Store,
    key: &NamespaceKey,
    branch: &str,
    operator: &str,
    base: Base,
) -> Result<()> {
    let input = (key.clone(), branch.to_owned(), operator.to_owned(), base);
    store
        .write(input, |tx, (key, branch, operator, base)| {
            Box::pin(async move {
                let (key, branch) = &require_locked(tx, key, branch).await?;
                let of_branch = NamespaceKey { cluster: branch.clone(), ..key.clone() };
                base.check_named(tx, &of_branch).await?;
                let mut removal = Removal::by(operator);
                delete_in(tx, key, branch, BranchStatus::Deleted, &mut removal).await?;
                removal.watch_keys.push(key.watch_key());
                removal.finish(tx).await
            })
        })
        .await
}

/// Deletes a branch with its namespace; an unknown one is tolerated. Its releases and its last rule
/// are kept for the history. Boxed, because deleting its namespace searches for branches
/// recursively.
pub(super) fn delete_in<'a>(
    tx: &'a Transaction,
    key: &'a NamespaceKey,
    branch: &'a str,
    status: BranchStatus,
    removal: &'a mut Removal,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let Some(cluster) = to_remove(tx, key, branch).await? else { return Ok(()) };
        let operator = removal.deletion.operator().to_owned();
        let release_id = latest_id(tx, key, branch).await?;
        gray_rule::close(tx, key, branch, release_id, status, &operator).await?;
        cluster::delete_in(tx, &cluster, removal).await?;
        let operation = match status {
            BranchStatus::Merged => ReleaseOperation::BranchDeletedAfterMerge,
            BranchStatus::Active | BranchStatus::Deleted => ReleaseOperation::BranchDeleted,
        };
        let entry = HistoryEntry {
            key,
            branch,
            release_id,
            previous_release_id: release_id,
            operation,
            context: Context::default(),
        };
        history::record(tx, entry, &operator, &mut removal.trail).await?;
        removal.trail.deleted("Branch", cluster.id);
        Ok(())
    })
}

/// The cluster of a branch. If the name of its row cannot be decoded, it is a nameless child of the
/// parent, provided that the branch has a namespace: a request may name a branch that never
/// existed.
async fn to_remove(
    tx: &Transaction,
    key: &NamespaceKey,
    branch: &str,
) -> Result<Option<cluster::Cluster>> {
    let found = castalia_store::app::cluster_to_remove(tx, &key.app_id, branch).await?;
    if found.is_some() {
        return Ok(found);
    }
    let NamespaceKey { app_id, cluster, namespace } = key;
    if castalia_store::namespace::find(tx, app_id, branch, namespace).await?.is_none() {
        return Ok(None);
    }
    let parent = castalia_store::app::cluster_to_remove(tx, app_id, cluster).await?;
    let Some(parent) = parent else { return Ok(None) };
    let children = castalia_store::app::child_clusters(tx, parent.id).await?;
    let nameless = children.into_iter().find(|child| child.name.is_empty());
    Ok(nameless.map(|child| cluster::Cluster { name: branch.to_owned(), ..child }))
}

/// Id of the current release of a branch; 0 if there is none.
pub(super) async fn latest_id(tx: &Transaction, key: &NamespaceKey, branch: &str) -> Result<Id> {
    let key = NamespaceKey { cluster: branch.to_owned(), ..key.clone() };
    release::latest_id(tx, &key).await
}
