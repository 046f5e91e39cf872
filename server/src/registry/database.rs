//! Discovery through the ServiceRegistry table, which Apollo's nodes use as well: a row for each
//! service, kept alive by heartbeats.

use std::collections::HashMap;
use std::time::Duration;

use castalia_store::{Store, StoreError, service_registry};
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::options::{RegistryOptions, is_ours};
use super::{ListedService, OwnService};

/// Interval at which the table is read.
pub(super) const REFRESH: Duration = Duration::from_secs(5);
/// Interval at which dead rows are removed.
pub(super) const CLEAN: Duration = Duration::from_secs(24 * 3600);
/// A row whose last heartbeat is older than this is removed, as by Apollo's nodes.
const DEAD: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// The table and this node's rows in it.
#[derive(Debug)]
pub(super) struct RegistryTable {
    store: Store,
    options: RegistryOptions,
    /// Empty once the node has left.
    own: Mutex<Vec<OwnService>>,
}

impl RegistryTable {
    pub(super) fn new(store: Store, options: RegistryOptions, own: &[OwnService]) -> Self {
        let own = if options.is_announced { own.to_vec() } else { Vec::new() };
        Self { store, options, own: Mutex::new(own) }
    }

    pub(super) fn heartbeat_pause(&self) -> Duration {
        self.options.heartbeat
    }

    /// Writes one heartbeat of each own service. The lock is held during the write, so that no
    /// heartbeat can follow [`RegistryTable::leave`].
    pub(super) async fn announce(&self) {
        let own = self.own.lock().await;
        for service in own.iter() {
            if let Err(error) = self.heartbeat(service).await {
                tracing::warn!(service = service.name, %error, "cannot register this node; the next heartbeat retries");
            }
        }
    }

    async fn heartbeat(&self, service: &OwnService) -> Result<(), StoreError> {
        let RegistryOptions { cluster, metadata, .. } = &self.options;
        let input =
            (service.name, service.uri.clone(), cluster.clone(), metadata.clone(), self.now());
        self.store
            .write(input, |tx, (name, uri, cluster, metadata, now)| {
                Box::pin(service_registry::heartbeat(tx, name, uri, cluster, metadata, *now))
            })
            .await
    }

    pub(super) async fn leave(&self) {
        let mut own = self.own.lock().await;
        for service in std::mem::take(&mut *own) {
            let input = (service.name, service.uri);
            let left: Result<(), StoreError> = self
                .store
                .write(input, |tx, (name, uri)| {
                    Box::pin(
                        async move { service_registry::remove(tx, name, uri).await.map(|_| ()) },
                    )
                })
                .await;
            if let Err(error) = left {
                tracing::warn!(service = service.name, %error, "cannot remove this node from the registry; its entry expires");
            }
        }
    }

    /// Live services by name, in the table's order.
    pub(super) async fn alive(&self) -> Result<HashMap<String, Vec<ListedService>>, StoreError> {
        let mut alive: HashMap<String, Vec<ListedService>> = HashMap::new();
        if !self.options.reads_table {
            return Ok(alive);
        }
        let (cluster, since) = (&self.options.cluster, self.now() - self.options.patience);
        let rows = service_registry::alive(self.store.read(), cluster, since).await?;
        for (_, name, uri, row_cluster, metadata) in rows {
            // The engine may ignore case, but clusters are compared exactly.
            if row_cluster == *cluster {
                let listed = ListedService { uri, is_ours: is_ours(&metadata) };
                alive.entry(name).or_default().push(listed);
            }
        }
        Ok(alive)
    }

    pub(super) async fn clean(&self) {
        let before = self.now() - DEAD;
        let cleaned: Result<(), StoreError> = self
            .store
            .write(before, |tx, before| {
                Box::pin(
                    async move { service_registry::remove_older(tx, *before).await.map(|_| ()) },
                )
            })
            .await;
        if let Err(error) = cleaned {
            tracing::debug!(%error, "cannot remove expired entries from the service registry");
        }
    }

    /// The present time in the representation of the nodes that share the table.
    fn now(&self) -> DateTime<Utc> {
        castalia_store::now() + self.options.shift
    }
}
