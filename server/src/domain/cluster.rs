//! Clusters: created with a namespace for each definition of the app, deleted with their
//! namespaces. A gray branch is a cluster with a parent.

pub use castalia_store::app::Cluster;

use castalia_core::protocol::namespace::DEFAULT_CLUSTER;
use castalia_store::app::ClusterRow;
use castalia_store::removal::Scope;
use castalia_store::{Authorship, Connection, Id, Store, Transaction};
use futures_util::future::BoxFuture;

use super::app;
use super::audit::Trail;
use super::constraint::{self, Author, check_name, check_width, fitting};
use super::namespace;
use super::removal::{self, Removal};
use super::unique;
use crate::error::{Code, Error, Result};

/// Cluster that every app has.
pub const DEFAULT: &str = DEFAULT_CLUSTER;
/// Width of the column, in characters.
pub const COMMENT: usize = 64;

/// A request to create a cluster.
#[derive(Debug, Clone, Default)]
pub struct NewCluster {
    /// App that the cluster belongs to.
    pub app_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Cluster that a branch belongs to; 0 for a normal cluster.
    pub parent_cluster_id: i64,
    /// Description for users.
    pub comment: Option<String>,
    /// Author of the request.
    pub author: Author,
}

impl NewCluster {
    fn check(&self) -> Result<()> {
        let is_blank =
            |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        if is_blank(&self.name) {
            return Err(Error::bad_request("cluster name cannot be blank"));
        }
        if is_blank(&self.app_id) {
            return Err(Error::bad_request("appId cannot be blank"));
        }
        check_name(self.name.as_deref(), "Cluster")
    }

    fn row(&self) -> Result<ClusterRow> {
        if let Some(comment) = &self.comment {
            check_width(comment, "Comment", COMMENT)?;
        }
        Ok(ClusterRow {
            name: fitting(self.name.as_deref(), "Name", constraint::NAME)?,
            app_id: fitting(self.app_id.as_deref(), "AppId", constraint::APP_ID)?,
            parent_cluster_id: Id(self.parent_cluster_id),
            comment: self.comment.clone(),
        })
    }
}

/// Creates a cluster in the app that the body names and, on request, a namespace for each
/// definition of that app. `app_id` is the app in the path.
///
/// # Errors
/// Fails if the cluster exists or its name is not acceptable.
pub async fn create(
    store: &Store,
    app_id: &str,
    new: NewCluster,
    with_namespaces: bool,
) -> Result<Cluster> {
    new.check()?;
    let input = (app_id.to_owned(), new, with_namespaces);
    unique::write(store, input, |tx, (addressed, new, with_namespaces)| {
        Box::pin(create_in(tx, addressed, new, *with_namespaces))
    })
    .await
}

async fn create_in(
    tx: &Transaction,
    addressed: &str,
    new: &NewCluster,
    with_namespaces: bool,
) -> Result<Cluster> {
    let (app_id, name) =
        (new.app_id.as_deref().unwrap_or_default(), new.name.as_deref().unwrap_or_default());
    let app_id = &app::lock_existing(tx, app_id).await?;
    let new = &NewCluster { app_id: Some(app_id.clone()), ..new.clone() };
    if castalia_store::app::cluster(tx, addressed, name).await?.is_some() {
        let message = format!("cluster already exists for clusterName:{name}");
        return Err(Error::bad_request(message).with_code(Code::ClusterExists));
    }
    if castalia_store::app::cluster(tx, app_id, name).await?.is_some() {
        return Err(Error::bad_request("cluster not unique").with_code(Code::ClusterExists));
    }
    let row = new.row()?;
    let cluster = castalia_store::app::insert_cluster(tx, row, new.author.checked()?).await?;
    let operator = &cluster.data_change_created_by;
    let mut trail = Trail::of(Some(operator));
    trail.inserted("Cluster", cluster.id);
    if with_namespaces {
        namespace::instantiate_definitions(
            tx,
            &cluster.app_id,
            &cluster.name,
            operator,
            &mut trail,
        )
        .await?;
    }
    trail.write(tx).await?;
    Ok(cluster)
}

/// Creates the cluster that every app has.
pub(super) async fn create_default(
    tx: &Transaction,
    app_id: &str,
    operator: &str,
    trail: &mut Trail,
) -> Result<()> {
    let row = ClusterRow {
        name: DEFAULT.to_owned(),
        app_id: app_id.to_owned(),
        parent_cluster_id: Id(0),
        comment: None,
    };
    let author = Authorship::of(operator);
    let cluster = castalia_store::app::insert_cluster(tx, row, author).await?;
    trail.inserted("Cluster", cluster.id);
    Ok(())
}

/// Deletes a cluster with its namespaces.
///
/// # Errors
/// Fails if there is no such cluster, and for the cluster that every app has.
pub async fn delete(store: &Store, app_id: &str, name: &str, operator: &str) -> Result<()> {
    check_width(operator, "DataChange_LastModifiedBy", constraint::OPERATOR)?;
    let input = (app_id.to_owned(), name.to_owned(), operator.to_owned());
    let namespaces = store
        .write(input, |tx, (app_id, name, operator)| {
            Box::pin(delete_named(tx, app_id, name, operator))
        })
        .await?;
    removal::finish_items(store, namespaces).await;
    Ok(())
}

async fn delete_named(
    tx: &Transaction,
    app_id: &str,
    name: &str,
    operator: &str,
) -> Result<Vec<Id>> {
    castalia_store::app::lock(tx, app_id).await?;
    let cluster = castalia_store::app::cluster_to_remove(tx, app_id, name).await?;
    let cluster = cluster.ok_or_else(|| not_found(app_id, name))?;
    if cluster.name == DEFAULT {
        return Err(Error::bad_request("can not delete default cluster!"));
    }
    let mut removal = Removal::by(operator);
    if cluster.parent_cluster_id != Id(0) {
        removal::lock_parents(tx, &cluster).await?;
        delete_in(tx, &cluster, &mut removal).await?;
        removal.finish(tx).await?;
        return Ok(Vec::new());
    }
    // Its branches are read under the locks of their namespaces.
    castalia_store::namespace::lock_cluster(tx, &cluster.app_id, &cluster.name).await?;
    let mut clusters = castalia_store::app::child_clusters(tx, cluster.id).await?;
    clusters.push(cluster);
    let names: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let scope = Scope::of_clusters(&clusters[0].app_id, &names);
    let ids = removal::delete_scope(tx, scope, &clusters, &mut removal).await?;
    removal.finish(tx).await?;
    Ok(ids)
}

/// Deletes the cluster of a branch with its namespaces. Boxed, because deleting a namespace deletes
/// its branch recursively.
pub(super) fn delete_in<'a>(
    tx: &'a Transaction,
    cluster: &'a Cluster,
    removal: &'a mut Removal,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        for namespace in
            castalia_store::namespace::of_cluster(tx, &cluster.app_id, &cluster.name).await?
        {
            namespace::delete_in(tx, &namespace, removal).await?;
        }
        castalia_store::app::delete_cluster(tx, cluster.id, &removal.deletion).await?;
        removal.trail.deleted("Cluster", cluster.id);
        Ok(())
    })
}

/// The clusters of an app, without branches.
pub async fn list(store: &Store, app_id: &str) -> Result<Vec<Cluster>> {
    Ok(castalia_store::app::clusters(store.read(), app_id).await?)
}

/// The cluster or branch with this name.
///
/// # Errors
/// Fails if there is no such cluster.
pub async fn find(db: &impl Connection, app_id: &str, name: &str) -> Result<Cluster> {
    let cluster = castalia_store::app::cluster(db, app_id, name).await?;
    cluster.ok_or_else(|| not_found(app_id, name))
}

/// Requires that no cluster with this name was deleted, unless there is one: whoever looked it up
/// before must not create anything in it. The app is locked.
pub(super) async fn require_not_deleted(
    tx: &Transaction,
    app_id: Option<&str>,
    name: Option<&str>,
) -> Result<()> {
    let (Some(app_id), Some(name)) = (app_id, name) else { return Ok(()) };
    if castalia_store::app::cluster(tx, app_id, name).await?.is_none()
        && castalia_store::app::was_cluster_deleted(tx, app_id, name).await?
    {
        return Err(not_found(app_id, name));
    }
    Ok(())
}

fn not_found(app_id: &str, name: &str) -> Error {
    Error::not_found(format!("cluster not found for appId:{app_id} clusterName:{name}"))
        .with_code(Code::ClusterNotFound)
}

/// Whether no cluster or branch has this name.
pub async fn is_unique(store: &Store, app_id: &str, name: &str) -> Result<bool> {
    Ok(castalia_store::app::cluster(store.read(), app_id, name).await?.is_none())
}
