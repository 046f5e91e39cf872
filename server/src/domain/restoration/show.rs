//! Shows again what a deletion hid, in the transaction that has checked that it is hidden. Every
//! rule that the creation of the same object has to follow applies.

use castalia_store::namespace::AppNamespace;
use castalia_store::removal::Scope;
use castalia_store::restoration::{self, DeletedRows, When, hidden_of_app};
use castalia_store::{Connection, Id, Transaction};

use super::order::{self, DeletedAlone};
use super::{Deleted, Restored, unused};
use crate::domain::namespace::{self, Namespace, NamespaceLimit, key_of};
use crate::domain::removal::Removal;
use crate::domain::{app, app_namespace, cluster};
use crate::error::{Code, Error, Result};

/// What is shown again, and the rows that the transaction has to write last.
pub(super) struct Shown<'a> {
    deleted: &'a Deleted,
    operator: &'a str,
    removal: Removal,
}

impl<'a> Shown<'a> {
    /// Takes the locks that creating the object takes.
    pub(super) async fn lock(
        tx: &Transaction,
        deleted: &'a Deleted,
        operator: &'a str,
    ) -> Result<Self> {
        // Of two transactions that show the same app or public name, the later one waits.
        castalia_store::app::lock_first(tx).await?;
        if deleted.kind != super::DeletedKind::App {
            app::lock_existing(tx, &deleted.app_id).await?;
        }
        Ok(Self::by(deleted, operator))
    }

    pub(super) fn by(deleted: &'a Deleted, operator: &'a str) -> Self {
        Self { deleted, operator, removal: Removal::by(operator) }
    }

    /// Writes audit rows and release messages.
    pub(super) async fn finish(self, tx: &Transaction) -> Result<()> {
        self.removal.finish(tx).await
    }

    pub(super) async fn namespace(
        &mut self,
        tx: &Transaction,
        limit: NamespaceLimit,
    ) -> Result<Restored> {
        let Deleted { app_id, cluster, namespace, .. } = self.deleted;
        require_cluster(tx, app_id, cluster).await?;
        if !is_defined(tx, app_id, namespace).await? {
            let message = format!(
                "the definition of the namespace {namespace} was deleted as well: restore or create it first"
            );
            return Err(Error::bad_request(message).with_code(Code::AppNamespaceNotFound));
        }
        if let Some(present) =
            castalia_store::namespace::find(tx, app_id, cluster, namespace).await?
            && !unused::remove_namespace(tx, &present, &mut self.removal).await?
        {
            let message = format!(
                "namespace already exists for namespaceName:{namespace}; delete it first to restore the earlier one"
            );
            return Err(Error::bad_request(message).with_code(Code::NamespaceExists));
        }
        limit.check(tx, app_id, cluster, 1).await?;
        self.show_in(tx, &[cluster]).await?;
        self.note_namespaces(tx, &[cluster]).await?;
        Ok(Restored::Whole)
    }

    pub(super) async fn cluster(
        &mut self,
        tx: &Transaction,
        hidden: &DeletedRows,
    ) -> Result<Restored> {
        let Deleted { app_id, cluster, at, .. } = self.deleted;
        if let Some(present) = castalia_store::app::cluster(tx, app_id, cluster).await? {
            unused::remove_cluster(tx, &present, hidden, &mut self.removal).await?;
        }
        let all = || hidden.clusters.iter();
        let own: Vec<Id> = all().filter(|row| row.name == *cluster).map(|row| row.id).collect();
        let is_within =
            |row: &&cluster::Cluster| row.name == *cluster || own.contains(&row.parent_cluster_id);
        let restored: Vec<_> = all().filter(is_within).collect();
        let names: Vec<&str> = restored.iter().map(|row| row.name.as_str()).collect();
        let scope = Scope::of_clusters(app_id, &names);
        self.refuse_scattered(tx, scope).await?;
        self.hide_leftovers(tx, &[cluster], hidden).await?;
        restoration::show(tx, scope, *at).await?;
        self.note_clusters(tx, &restored).await?;
        let place = (app_id.as_str(), cluster.as_str());
        order::follow_definitions(tx, place, *at, self.operator, &mut self.removal).await?;
        self.complete(tx, cluster, |_| false).await?;
        Ok(Restored::Whole)
    }

    /// Creates the namespaces that a cluster lacks, without those that were deleted on their own,
    /// and without other ones that the cluster may lack.
    async fn complete(
        &mut self,
        tx: &Transaction,
        cluster: &str,
        may_lack: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let Deleted { app_id, .. } = self.deleted;
        let alone = DeletedAlone::of_app(tx, app_id).await?;
        namespace::instantiate_definitions_unless(
            |name| may_lack(name) || alone.contains(cluster, name),
            tx,
            app_id,
            cluster,
            self.operator,
            &mut self.removal.trail,
        )
        .await
    }

    pub(super) async fn app_namespace(
        &mut self,
        tx: &Transaction,
        hidden: &DeletedRows,
        limit: NamespaceLimit,
    ) -> Result<Restored> {
        let Deleted { app_id, namespace: name, at, .. } = self.deleted;
        let is_own = |row: &&AppNamespace| row.name == *name;
        let definitions: Vec<_> = hidden.definitions.iter().filter(is_own).collect();
        app_namespace::check_free(tx, &definitions).await?;
        restoration::show_definitions(tx, app_id, Some(name), *at).await?;
        // One deletion hid them: the database decided which spellings are the name.
        let is_named = |row: &&Namespace| row.namespace_name.eq_ignore_ascii_case(name);
        let mut named: Vec<_> = hidden.namespaces.iter().filter(is_named).collect();
        let followed = order::follow_clusters(tx, &named, (app_id, name), *at).await?;
        named.retain(|row| !followed.contains(&row.id));
        let ids: Vec<Id> = named.iter().map(|row| row.id).collect();
        let vacant = restoration::vacant(tx, &ids).await?;
        named.retain(|row| vacant.contains(&row.id));
        let clusters: Vec<&str> = named.iter().map(|row| row.cluster_name.as_str()).collect();
        limit.check_each(tx, app_id, &clusters, 1).await?;
        self.show_in(tx, &clusters).await?;
        self.note_namespaces(tx, &clusters).await?;
        if let Some(definition) = castalia_store::namespace::app_namespace(tx, app_id, name).await?
        {
            self.removal.trail.inserted("AppNamespace", definition.id);
            let alone = DeletedAlone::of_app(tx, app_id).await?;
            app_namespace::create_missing_unless(
                |cluster| alone.contains(cluster, name),
                tx,
                &definition,
                &limit,
                self.operator,
                &mut self.removal.trail,
            )
            .await?;
        }
        Ok(Restored::Whole)
    }

    pub(super) async fn app(&mut self, tx: &Transaction, hidden: &DeletedRows) -> Result<Restored> {
        let Deleted { app_id, at, .. } = self.deleted;
        if let Some(present) = castalia_store::app::lock(tx, app_id).await? {
            unused::remove_app(tx, &present, &mut self.removal).await?;
        }
        let scope = Scope::of_app(app_id);
        self.refuse_scattered(tx, scope).await?;
        // Those that the app has are newer.
        let present = castalia_store::namespace::app_namespaces(tx, app_id).await?;
        let is_present = |row: &&AppNamespace| {
            present.iter().any(|own| own.name.eq_ignore_ascii_case(&row.name))
        };
        let (replaced, free): (Vec<_>, Vec<_>) = hidden.definitions.iter().partition(is_present);
        let replaced: Vec<Id> = replaced.into_iter().map(|row| row.id).collect();
        restoration::unused::remove_hidden_definitions(tx, &replaced).await?;
        app_namespace::check_free(tx, &free).await?;
        restoration::show_app(tx, app_id, *at).await?;
        restoration::show_access_keys(tx, app_id, *at).await?;
        restoration::show_definitions(tx, app_id, None, *at).await?;
        for row in &hidden.apps {
            self.removal.trail.updated("App", row.id);
        }
        let is_new = |row: &AppNamespace| present.iter().all(|own| own.id != row.id);
        let mut shown = castalia_store::namespace::app_namespaces(tx, app_id).await?;
        shown.retain(is_new);
        for row in shown {
            self.removal.trail.inserted("AppNamespace", row.id);
        }
        let keys = castalia_store::access_key::of_app(tx, app_id).await?;
        if keys.iter().any(|key| key.is_enabled) {
            return Ok(Restored::WithoutContent(hidden.apps[0].id));
        }
        self.content(tx).await?;
        Ok(Restored::Whole)
    }

    /// Shows the clusters of an app with their namespaces.
    pub(super) async fn content(&mut self, tx: &Transaction) -> Result<()> {
        let Deleted { app_id, at, .. } = self.deleted;
        let earlier = hidden_of_app(tx, app_id, When::At(*at)).await?;
        for present in castalia_store::app::clusters(tx, app_id).await? {
            if earlier.clusters.iter().any(|row| row.name == present.name) {
                unused::remove_cluster(tx, &present, &earlier, &mut self.removal).await?;
            }
        }
        let whole = || earlier.clusters.iter().filter(|row| row.parent_cluster_id == Id(0));
        let clusters: Vec<&str> = whole().map(|row| row.name.as_str()).collect();
        self.hide_leftovers(tx, &clusters, &earlier).await?;
        restoration::show(tx, Scope::of_app(app_id), *at).await?;
        // What was defined since has a namespace in each cluster.
        let mut newer = castalia_store::namespace::app_namespaces(tx, app_id).await?;
        newer.retain(|row| row.data_change_created_time.timestamp_millis() > *at);
        let is_older = |name: &str| !newer.iter().any(|row| row.name == name);
        for cluster in whole().filter(|_| !newer.is_empty()) {
            self.complete(tx, &cluster.name, is_older).await?;
        }
        let clusters = castalia_store::app::clusters_with_branches(tx, app_id).await?;
        self.note_clusters(tx, &clusters.iter().collect::<Vec<_>>()).await
    }

    /// Shows the namespace in these clusters.
    async fn show_in(&mut self, tx: &Transaction, clusters: &[&str]) -> Result<()> {
        let Deleted { app_id, namespace, at, .. } = self.deleted;
        let scope = Scope::of_namespace(app_id, clusters, namespace);
        self.refuse_scattered(tx, scope).await?;
        let places: Vec<(&str, &str)> =
            clusters.iter().map(|cluster| (*cluster, namespace.as_str())).collect();
        let woken = namespace::hide_leftovers(tx, app_id, &places, self.operator).await?;
        self.removal.watch_keys.extend(woken);
        Ok(restoration::show_namespaces(tx, scope, *at).await?)
    }

    /// Hides what was published in vacant clusters after their deletion: it is newer than what is
    /// shown, so clients would receive it.
    async fn hide_leftovers(
        &mut self,
        tx: &Transaction,
        clusters: &[&str],
        hidden: &DeletedRows,
    ) -> Result<()> {
        let places = hidden.namespaces.iter();
        let places = places.map(|row| (row.cluster_name.as_str(), row.namespace_name.as_str()));
        let places: Vec<_> = places.filter(|(cluster, _)| clusters.contains(cluster)).collect();
        let app_id = &self.deleted.app_id;
        let woken = namespace::hide_leftovers(tx, app_id, &places, self.operator).await?;
        self.removal.watch_keys.extend(woken);
        Ok(())
    }

    /// What another program deleted would come back in part.
    async fn refuse_scattered(&self, tx: &Transaction, scope: Scope<'_>) -> Result<()> {
        if !restoration::is_scattered(tx, scope, self.deleted.at).await? {
            return Ok(());
        }
        let message = "Apollo or an earlier version of Castalia deleted this: its rows do not show what \
                       belongs together, so it cannot be restored";
        Err(Error::bad_request(message).with_code(Code::NotRestorable))
    }

    async fn note_clusters(
        &mut self,
        tx: &Transaction,
        clusters: &[&cluster::Cluster],
    ) -> Result<()> {
        for cluster in clusters {
            self.removal.trail.updated("Cluster", cluster.id);
        }
        let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        self.note_namespaces(tx, &names).await
    }

    /// Clients of the namespaces in these clusters are woken; those of a single namespace only if
    /// it is the one that is restored.
    async fn note_namespaces(&mut self, tx: &Transaction, clusters: &[&str]) -> Result<()> {
        let Deleted { app_id, namespace, .. } = self.deleted;
        for row in castalia_store::namespace::of_clusters(tx, app_id, clusters).await? {
            if namespace.is_empty() || row.namespace_name.eq_ignore_ascii_case(namespace) {
                self.removal.trail.updated("Namespace", row.id);
                self.removal.watch_keys.push(key_of(&row).watch_key());
            }
        }
        Ok(())
    }
}

/// Requires that a namespace can be restored in this cluster, which must not be deleted.
async fn require_cluster(tx: &Transaction, app_id: &str, cluster: &str) -> Result<()> {
    let present = castalia_store::app::cluster(tx, app_id, cluster).await?;
    if present.as_ref().is_some_and(|row| row.parent_cluster_id != Id(0)) {
        // A branch is not restored on its own.
        return Err(super::not_deleted(super::DeletedKind::Namespace));
    }
    if present.is_none() && castalia_store::app::was_cluster_deleted(tx, app_id, cluster).await? {
        let message = format!(
            "cluster not found for appId:{app_id} clusterName:{cluster}: it was deleted as well, \
             restore or create it first"
        );
        return Err(Error::not_found(message).with_code(Code::ClusterNotFound));
    }
    Ok(())
}

/// Whether the app or a public definition of another one declares the namespace.
async fn is_defined(db: &impl Connection, app_id: &str, name: &str) -> Result<bool> {
    Ok(castalia_store::namespace::app_namespace(db, app_id, name).await?.is_some()
        || castalia_store::namespace::public_app_namespace(db, name).await?.is_some())
}
