//! Reads names: new, changed and deleted ones, or all of them. When they are due is not known here.

use std::collections::{BTreeSet, HashMap};

use castalia_store::Id;
use castalia_store::feed::{self as stored, FeedTable, Rows};
use chrono::{DateTime, Utc};

use super::OVERLAP;
use crate::error::Result;
use crate::feed::name::{AppNamespace, Cluster, Contest, UndecodableNamespace};
use crate::feed::{BATCH, ReleaseFeed};

/// Ids before the last one that are read again: transactions commit out of id order, so an earlier
/// row may still appear. Less than [`BATCH`].
const LATE_ROWS: i64 = 100;
/// Deleted names that are looked up one by one; with more of them, all names are read again.
const DELETED: u64 = 10_000;

impl ReleaseFeed {
    /// Reads new names.
    pub(in crate::feed) async fn add_names(&self) -> Result<()> {
        let (last_namespace, last_cluster) = self.names().last_ids();
        let (mut namespace, mut cluster) = (last_namespace - LATE_ROWS, last_cluster - LATE_ROWS);
        loop {
            let namespaces = self.namespaces_after(namespace).await?;
            let clusters = self.clusters_after(cluster).await?;
            let is_last = namespaces.count.max(clusters.count) < BATCH as usize;
            namespace = namespaces.last_id.map_or(namespace, |id| id.0);
            cluster = clusters.last_id.map_or(cluster, |id| id.0);
            let are_contested = self.add_rows(namespaces.readable, clusters.readable).await?;
            if is_last {
                // The other definition may have been deleted since the last complete read.
                return if are_contested { self.rebuild_names().await } else { Ok(()) };
            }
        }
    }

    /// Reads names whose rows are not the last ones: those of clusters that were restored, and of
    /// definitions whose transaction lasted while many others were created. Those that are dated
    /// further ahead than clocks differ would be read each time until then.
    pub(super) async fn add_earlier_names(&self, since: DateTime<Utc>) -> Result<()> {
        let db = self.0.store.read();
        let times = since..=castalia_store::now() + OVERLAP;
        let (mut last_namespace, mut last_cluster) = (None, None);
        loop {
            let namespaces =
                stored::definitions_changed_within(db, &times, last_namespace, BATCH).await?;
            let clusters = match self.names().folds() {
                true => stored::clusters_changed_within(db, &times, last_cluster, BATCH).await?,
                false => Rows::default(),
            };
            let is_last = namespaces.count.max(clusters.count) < BATCH as usize;
            last_namespace = namespaces.last_id.or(last_namespace);
            last_cluster = clusters.last_id.or(last_cluster);
            let clusters = clusters.map(cluster).readable;
            let are_contested = self.add_rows(namespaces.readable, clusters).await?;
            if is_last {
                return if are_contested { self.rebuild_names().await } else { Ok(()) };
            }
        }
    }

    /// Adds names; returns whether one is contested.
    async fn add_rows(
        &self,
        rows: Vec<stored::Definition>,
        clusters: Vec<Cluster>,
    ) -> Result<bool> {
        let namespaces: Vec<_> = rows.into_iter().filter_map(definition).collect();
        if !self.knows_apps(namespaces.iter().map(|row| row.app_id.as_str())) {
            self.read_keys().await?;
        }
        Ok(self.names().add(namespaces, clusters))
    }

    /// Whether all of these apps are known. Keys are read before another one is, which may have been
    /// created or restored with a key: it would be open until the next scan of keys.
    fn knows_apps<'a>(&self, mut app_ids: impl Iterator<Item = &'a str>) -> bool {
        app_ids.all(|app_id| self.names().app(app_id).is_some())
    }

    /// Forgets the names that were deleted since a time. They may hide the public namespace of the
    /// same name, or lead clients of other apps to a namespace that is not public any more.
    pub(super) async fn forget_names(&self, since: DateTime<Utc>) -> Result<()> {
        let db = self.0.store.read();
        let deleted = stored::definitions_deleted_since(db, since - OVERLAP, DELETED).await?;
        let are_all = (deleted.len() as u64) < DELETED;
        self.names().forget(deleted.into_iter().map(|id| id.0).collect());
        if are_all { Ok(()) } else { self.rebuild_names().await }
    }

    /// Forgets deleted names before clients are woken that ask for what these names led to: a client
    /// is not woken twice.
    pub(in crate::feed) async fn forget_deleted_names(&self) -> Result<()> {
        let (feed, since) = (self.clone(), self.0.names_scan.last_read());
        let read = async move { feed.forget_names(since).await };
        if let Err(error) = self.0.names_scan.soon(read).await {
            self.check_database().await?;
            tracing::warn!(%error, "cannot look for deleted names; clients may receive what these led to for up to a minute");
        }
        Ok(())
    }

    /// Reads all names.
    pub(super) async fn rebuild_names(&self) -> Result<()> {
        let (mut namespaces, mut clusters) = (Vec::new(), Vec::new());
        let mut last = 0;
        while let Rows { readable, last_id: Some(id), .. } = self.namespaces_after(last).await? {
            namespaces.extend(readable);
            last = id.0;
        }
        last = 0;
        while let Rows { readable, last_id: Some(id), .. } = self.clusters_after(last).await? {
            clusters.extend(readable);
            last = id.0;
        }
        self.check_names(&namespaces, &clusters).await?;
        let contests = self.replace_names(namespaces, clusters).await?.into_iter().collect();
        let mut known = self.0.contests.lock();
        report(&contests, &known);
        *known = contests;
        Ok(())
    }

    /// Fails if names are missing from these rows that may return.
    async fn check_names(&self, rows: &[stored::Definition], clusters: &[Cluster]) -> Result<()> {
        let mut tables = Vec::new();
        if self.names().has_others_than(&rows.iter().map(|row| row.0.0).collect()) {
            tables.push(FeedTable::AppNamespace);
        }
        if clusters.is_empty() && self.names().has_clusters() {
            tables.push(FeedTable::Cluster);
        }
        self.0.emptied.check(self.0.store.read(), &tables).await
    }

    /// A definition that cannot be decoded stays as it was read before.
    async fn replace_names(
        &self,
        rows: Vec<stored::Definition>,
        clusters: Vec<Cluster>,
    ) -> Result<Vec<Contest>> {
        if !self.knows_apps(rows.iter().filter_map(|row| row.1.as_deref())) {
            self.read_keys().await?;
        }
        let (damaged, intact): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| definition(row.clone()).is_none());
        let mut namespaces: Vec<_> = intact.into_iter().filter_map(definition).collect();
        let mut known = self.names().by_ids(&damaged.iter().map(|row| row.0.0).collect());
        let (unreadable, mut unknown) = (damaged.len(), Vec::new());
        let mut undeclared = HashMap::new();
        for (Id(id), app_id, name, is_public) in damaged {
            if let Some(known) = known.remove(&id) {
                namespaces.push(known);
                continue;
            }
            let names = match (&app_id, name) {
                (_, Some(name)) => Some(vec![name]),
                (Some(app_id), None) => match undeclared.get(app_id) {
                    Some(names) => Option::clone(names),
                    None => {
                        let names = self.undeclared(app_id, &namespaces).await?;
                        undeclared.insert(app_id.clone(), names.clone());
                        names
                    }
                },
                (None, None) => None,
            };
            unknown.push(UndecodableNamespace { app_id, names, is_public });
        }
        self.0.condition.names_read(unreadable);
        Ok(self.names().replace(namespaces, clusters, unknown))
    }

    /// The names of the app's namespaces that no other definition declares; `None` if one of them
    /// cannot be decoded either.
    async fn undeclared(
        &self,
        app_id: &str,
        declared: &[AppNamespace],
    ) -> Result<Option<Vec<String>>> {
        let names = stored::namespace_names(self.0.store.read(), app_id).await?;
        let is_undeclared = |name: &String| {
            !declared.iter().any(|one| one.app_id == app_id && one.name.eq_ignore_ascii_case(name))
        };
        Ok(names.map(|names| names.into_iter().filter(is_undeclared).collect()))
    }

    async fn namespaces_after(&self, id: i64) -> Result<Rows<stored::Definition>> {
        Ok(stored::definitions_after(self.0.store.read(), id, BATCH).await?)
    }

    /// Clusters are needed only if their names are folded.
    async fn clusters_after(&self, id: i64) -> Result<Rows<Cluster>> {
        if !self.names().folds() {
            return Ok(Rows::default());
        }
        let rows = stored::clusters_after(self.0.store.read(), id, BATCH).await?;
        Ok(rows.map(cluster))
    }
}

fn cluster((id, app_id, name): (Id, String, String)) -> Cluster {
    Cluster { id: id.0, app_id, name }
}

fn definition((id, app_id, name, is_public): stored::Definition) -> Option<AppNamespace> {
    Some(AppNamespace { id: id.0, app_id: app_id?, name: name?, is_public: is_public? })
}

/// Logs each public name that a second app declares, once, and reports their number.
fn report(contests: &BTreeSet<Contest>, known: &BTreeSet<Contest>) {
    for Contest { owner, loser, name } in contests.difference(known) {
        tracing::error!(
            namespace = &**name,
            owner = &**owner,
            second = &**loser,
            "two apps define a public namespace with this name (ignoring case); clients receive the one that was \
             defined first; delete or rename the second definition"
        );
    }
    let count = u32::try_from(contests.len()).unwrap_or(u32::MAX);
    metrics::gauge!("castalia_contested_public_namespaces").set(count);
}
