//! Discovery through the ServiceRegistry table, which Apollo's nodes use as well: a row for each
//! service, kept alive by heartbeats.
//!
//! Heartbeats are written and compared by the clock of the database: a node whose own clock is
//! wrong would be dead to the others, and would remove their rows if it is a day ahead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use castalia_store::{Store, StoreError, clock, service_registry};
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use super::kept_rows::{Patience, Rows};
use super::options::{RegistryOptions, is_ours};
use super::{ListedService, OwnService};

/// Interval at which the table is read.
pub(super) const REFRESH: Duration = Duration::from_secs(5);
/// Interval at which dead rows are removed.
pub(super) const CLEAN: Duration = Duration::from_secs(24 * 3600);
/// A row whose last heartbeat is older than this is removed, as by Apollo's nodes.
const DEAD: chrono::TimeDelta = chrono::TimeDelta::hours(24);
/// Difference of two clocks in seconds that is reported: half of what signatures tolerate.
const CLOCK_TOLERANCE: i64 = 30;

/// The table and this node's rows in it.
#[derive(Debug)]
pub(super) struct RegistryTable {
    store: Store,
    options: RegistryOptions,
    /// Empty once the node has left.
    own: Mutex<Vec<OwnService>>,
    /// Whether a heartbeat of the last round could not be written.
    has_failed: AtomicBool,
    /// Whether the clock of this node was last seen to differ from that of the database.
    is_clock_off: AtomicBool,
}

impl RegistryTable {
    pub(super) fn new(store: Store, options: RegistryOptions, own: &[OwnService]) -> Self {
        let own = if options.is_announced { own.to_vec() } else { Vec::new() };
        let (has_failed, is_clock_off) = Default::default();
        Self { store, options, own: Mutex::new(own), has_failed, is_clock_off }
    }

    pub(super) fn heartbeat_pause(&self) -> Duration {
        self.options.heartbeat
    }

    /// How long nodes are waited for after an outage of the database.
    pub(super) fn patience(&self) -> Patience {
        let grace = self.options.patience.to_std().unwrap_or_default();
        Patience::new(grace, self.options.heartbeat, REFRESH)
    }

    /// Writes one heartbeat of each own service. The lock is held during the write, so that no
    /// heartbeat can follow [`RegistryTable::leave`].
    pub(super) async fn announce(&self) {
        let own = self.own.lock().await;
        let mut has_failed = false;
        for service in own.iter() {
            if let Err(error) = self.heartbeat(service).await {
                has_failed = true;
                tracing::warn!(service = service.name, %error, "cannot register this node; the next heartbeat retries");
            }
        }
        self.has_failed.store(has_failed, Ordering::Relaxed);
    }

    /// What users of the health page should know.
    pub(super) fn note(&self) -> Option<&'static str> {
        self.has_failed.load(Ordering::Relaxed).then_some("registry: not registered")
    }

    async fn heartbeat(&self, service: &OwnService) -> Result<(), StoreError> {
        let RegistryOptions { cluster, metadata, .. } = &self.options;
        let now = self.now().await?;
        let input = (service.name, service.uri.clone(), cluster.clone(), metadata.clone(), now);
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
    pub(super) async fn alive(&self) -> Result<Rows, StoreError> {
        self.since(self.options.patience).await
    }

    /// Those without recent heartbeats as well.
    pub(super) async fn of_any_age(&self) -> Result<Rows, StoreError> {
        self.since(DEAD).await
    }

    /// Services whose last heartbeat is at most this old.
    async fn since(&self, age: chrono::TimeDelta) -> Result<Rows, StoreError> {
        let mut services = Rows::new();
        if !self.options.reads_table {
            return Ok(services);
        }
        let (cluster, since) = (&self.options.cluster, self.now().await? - age);
        let rows = service_registry::alive(self.store.read(), cluster, since).await?;
        for (_, name, uri, row_cluster, metadata) in rows {
            // The engine may ignore case, but clusters are compared exactly.
            if row_cluster == *cluster {
                let listed = ListedService { uri, is_ours: is_ours(&metadata) };
                services.entry(name).or_default().push(listed);
            }
        }
        Ok(services)
    }

    /// Reports that this installation probably uses Eureka: its settings name servers, and no node
    /// is in the table. The nodes that use Eureka would not find this one.
    pub(super) async fn warn_of_eureka(&self) {
        if self.options.ignores_eureka && self.alive().await.is_ok_and(|alive| alive.is_empty()) {
            tracing::warn!(
                "eureka.service.url names Eureka servers, but registry=database announces this node in the table ServiceRegistry only, which is empty; set registry=eureka if clients find services through Eureka, or remove the servers"
            );
        }
    }

    pub(super) async fn clean(&self) {
        if let Err(error) = self.remove_dead().await {
            tracing::debug!(%error, "cannot remove expired entries from the service registry");
        }
    }

    async fn remove_dead(&self) -> Result<(), StoreError> {
        let before = self.now().await? - DEAD;
        self.store
            .write(before, |tx, before| {
                Box::pin(
                    async move { service_registry::remove_older(tx, *before).await.map(|_| ()) },
                )
            })
            .await
    }

    /// The present time in the representation of the nodes that share the table.
    async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        let time = clock::shared_time(self.store.read()).await?;
        self.warn_of_other_clock(time);
        Ok(time + self.options.shift)
    }

    /// Signatures of clients are checked by the clock of the node, which nothing else would reveal
    /// as the one that is wrong.
    fn warn_of_other_clock(&self, time: DateTime<Utc>) {
        let ahead = (castalia_store::now() - time).num_seconds();
        metrics::gauge!("castalia_clock_ahead_of_database_seconds").set(ahead as f64);
        let is_off = ahead.abs() > CLOCK_TOLERANCE;
        if is_off && !self.is_clock_off.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                ahead_seconds = ahead,
                "the clock of this node differs from that of the database; requests with a signature are \
                 refused if the client's clock differs by more than a minute from this one: synchronise the clocks"
            );
        }
        if !is_off && self.is_clock_off.swap(false, Ordering::Relaxed) {
            tracing::info!("the clock of this node agrees with that of the database again");
        }
    }
}
