//! Keeps names and access keys as the database has them: what is new each second or when this process says so, everything each
//! minute. A failure leaves what was read last in force.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::access_key::AccessKey;
use super::name::{AppNamespace, Cluster};
use super::{BATCH, ReleaseFeed};
use crate::error::Result;
use crate::store::{access_key as stored_key, app, entity, namespace};

/// Pause between two looks for new names and changed keys.
const SCAN_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two complete readings of them, which also find what was deleted.
const REBUILD_PAUSE: Duration = Duration::from_secs(60);
/// Ids before the last one that are read again: transactions commit out of id order, so an earlier row may still appear. Less than
/// [`BATCH`].
const LATE_ROWS: i64 = 100;
/// How far back a look for changed keys reaches: stored times have whole seconds, and the clocks of nodes differ a little.
const KEY_OVERLAP: TimeDelta = TimeDelta::seconds(5);

/// A moment on both clocks of this machine. The wall clock may jump; what was changed since is asked for from the earlier of the
/// two.
struct Moment {
    wall: DateTime<Utc>,
    steady: Instant,
}

impl Moment {
    fn now() -> Self {
        Self { wall: Utc::now(), steady: Instant::now() }
    }

    /// The present as both clocks see it, the earlier one.
    fn present(&self) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.steady.elapsed()).unwrap_or_default();
        Utc::now().min(self.wall + passed)
    }
}

impl ReleaseFeed {
    pub(super) async fn scan_definitions(self) {
        let mut rebuilt = Moment::now();
        let mut since = rebuilt.wall;
        loop {
            let _ = tokio::time::timeout(SCAN_PAUSE, self.0.redefined.notified()).await;
            let is_due = rebuilt.steady.elapsed() >= REBUILD_PAUSE || self.keys().age().is_none();
            let present = rebuilt.present();
            let done = if is_due {
                self.rebuild_definitions().await
            } else {
                self.add_definitions(since).await
            };
            match done {
                Ok(()) => since = present,
                Err(error) => {
                    tracing::debug!(%error, "cannot read names and access keys; those last read stay in force");
                }
            }
            if is_due {
                rebuilt = Moment::now();
            }
        }
    }

    /// Reads everything.
    pub(super) async fn rebuild_definitions(&self) -> Result<()> {
        self.rebuild_names().await?;
        self.rebuild_keys().await
    }

    /// Reads what is new.
    pub(super) async fn add_names(&self) -> Result<()> {
        loop {
            let (last_namespace, last_cluster) = self.names().last_ids();
            let namespaces = self.namespaces_after(last_namespace - LATE_ROWS).await?;
            let clusters = self.clusters_after(last_cluster - LATE_ROWS).await?;
            let is_last = namespaces.len().max(clusters.len()) < BATCH as usize;
            self.names().add(namespaces, clusters);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn add_definitions(&self, keys_since: DateTime<Utc>) -> Result<()> {
        self.add_names().await?;
        if stored_key::is_changed_since(self.0.store.read(), keys_since - KEY_OVERLAP).await? {
            self.rebuild_keys().await?;
        }
        Ok(())
    }

    async fn rebuild_names(&self) -> Result<()> {
        let (mut namespaces, mut clusters) = (Vec::new(), Vec::new());
        loop {
            let next = self
                .namespaces_after(namespaces.last().map_or(0, |row: &AppNamespace| row.id))
                .await?;
            if next.is_empty() {
                break;
            }
            namespaces.extend(next);
        }
        loop {
            let next =
                self.clusters_after(clusters.last().map_or(0, |row: &Cluster| row.id)).await?;
            if next.is_empty() {
                break;
            }
            clusters.extend(next);
        }
        self.names().replace(namespaces, clusters);
        Ok(())
    }

    async fn namespaces_after(&self, id: i64) -> Result<Vec<AppNamespace>> {
        let rows = namespace::app_namespaces_after(self.0.store.read(), id, BATCH).await?;
        Ok(rows.into_iter().map(AppNamespace::from).collect())
    }

    /// Clusters matter only where their names fold.
    async fn clusters_after(&self, id: i64) -> Result<Vec<Cluster>> {
        if !self.names().folds() {
            return Ok(Vec::new());
        }
        let rows = app::clusters_after(self.0.store.read(), id, BATCH).await?;
        Ok(rows.into_iter().map(Cluster::from).collect())
    }

    async fn rebuild_keys(&self) -> Result<()> {
        let rows = stored_key::all(self.0.store.read()).await?;
        for app_id in self.keys().replace(rows.into_iter().map(AccessKey::from)) {
            let app_id = self.names().app(&app_id).unwrap_or(app_id);
            let ended = self.hub().rekey(&app_id);
            tracing::info!(app_id = &*app_id, polls = ended, "the access keys of an app changed");
        }
        Ok(())
    }
}

impl From<entity::app_namespace::Model> for AppNamespace {
    fn from(row: entity::app_namespace::Model) -> Self {
        Self { id: row.id.0, app_id: row.app_id, name: row.name, is_public: row.is_public }
    }
}

impl From<entity::cluster::Model> for Cluster {
    fn from(row: entity::cluster::Model) -> Self {
        Self { id: row.id.0, app_id: row.app_id, name: row.name }
    }
}
