//! Discovery through the ServiceRegistry table that Apollo's nodes use, too: a row for each service, kept alive by heartbeats.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Mutex;

use super::{Listed, OwnService};
use crate::store::{Store, StoreError, service_registry};

/// Pause between two heartbeats of this node.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(10);
/// Pause between two readings of the table.
pub(super) const REFRESH: Duration = Duration::from_secs(5);
/// Pause between two removals of rows that died long ago.
pub(super) const CLEAN: Duration = Duration::from_secs(24 * 3600);
/// A row whose last heartbeat is older than this is not listed.
const ALIVE: chrono::TimeDelta = chrono::TimeDelta::seconds(61);
/// A row whose last heartbeat is older than this is removed.
const DEAD: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// Registry cluster of nodes that name none.
const CLUSTER: &str = "default";
/// Tells other nodes of ours that a nudge is understood here.
const METADATA: &str = r#"{"castalia":"1"}"#;

/// The table and this node's rows in it.
#[derive(Debug)]
pub(super) struct Table {
    store: Store,
    /// Empty once the node has left.
    own: Mutex<Vec<OwnService>>,
}

impl Table {
    pub(super) fn new(store: Store, own: Vec<OwnService>) -> Self {
        Self { store, own: Mutex::new(own) }
    }

    /// One heartbeat of each own service. The lock is held over the write, so that none can follow [`Table::leave`].
    pub(super) async fn announce(&self) {
        let own = self.own.lock().await;
        for service in own.iter() {
            if let Err(error) = self.heartbeat(service).await {
                tracing::warn!(service = service.name, %error, "cannot announce this node; the next heartbeat tries again");
            }
        }
    }

    async fn heartbeat(&self, service: &OwnService) -> Result<(), StoreError> {
        let input = (service.name, service.uri.clone());
        self.store
            .write(input, |tx, (name, uri)| {
                Box::pin(service_registry::heartbeat(
                    tx,
                    name,
                    uri,
                    CLUSTER,
                    METADATA,
                    crate::store::now(),
                ))
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
                tracing::warn!(service = service.name, %error, "cannot take this node off the registry; it expires by itself");
            }
        }
    }

    /// Services by name, in the table's order.
    pub(super) async fn alive(&self) -> Result<HashMap<String, Vec<Listed>>, StoreError> {
        let since = crate::store::now() - ALIVE;
        let mut alive: HashMap<String, Vec<Listed>> = HashMap::new();
        for row in service_registry::alive(self.store.read(), CLUSTER, since).await? {
            let listed = Listed { uri: row.uri, is_ours: row.metadata == METADATA };
            alive.entry(row.service_name).or_default().push(listed);
        }
        Ok(alive)
    }

    pub(super) async fn clean(&self) {
        let before = crate::store::now() - DEAD;
        let cleaned: Result<(), StoreError> = self
            .store
            .write(before, |tx, before| {
                Box::pin(
                    async move { service_registry::remove_older(tx, *before).await.map(|_| ()) },
                )
            })
            .await;
        if let Err(error) = cleaned {
            tracing::debug!(%error, "cannot clean the service registry");
        }
    }
}
