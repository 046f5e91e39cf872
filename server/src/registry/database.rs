//! Discovery through the ServiceRegistry table, which Apollo's nodes use as well: a row for each
//! service, kept alive by heartbeats.
//!
//! Heartbeats are written and compared by the clock of the database: a node whose own clock is
//! wrong would be dead to the others, and would remove their rows if it is a day ahead.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use castalia_store::{Store, StoreError, clock, service_registry};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::kept_rows::{Patience, Rows};
use super::options::{RegistryOptions, is_ours};
use super::{ListedService, OwnService};

/// Interval at which the table is read.
pub(super) const REFRESH: Duration = Duration::from_secs(5);
/// Interval at which dead rows are removed.
pub(super) const CLEAN: Duration = Duration::from_secs(24 * 3600);
/// A row whose last heartbeat is older than this is removed, as by Apollo's nodes.
const DEAD: TimeDelta = TimeDelta::hours(24);
/// Maximum time for removing this node's rows. While commits hang, each one takes half a minute, and
/// a node that takes long to end is killed.
const LEAVE: Duration = Duration::from_secs(2);
/// Difference of two clocks in seconds that is reported: half of what signatures tolerate.
const CLOCK_TOLERANCE: i64 = 30;

/// The table and this node's rows in it.
#[derive(Debug)]
pub(super) struct RegistryTable {
    store: Store,
    options: RegistryOptions,
    /// Empty once the node has left.
    own: Mutex<Vec<OwnService>>,
    /// How many of them had a heartbeat, written or not. The rows of the others are not of this
    /// node: another one may have the same address.
    attempted: AtomicUsize,
    /// Set when the node begins to leave, which then waits for one heartbeat at most.
    is_leaving: AtomicBool,
    /// Whether all heartbeats of the last round were written; `None` before the first one ended.
    is_registered: watch::Sender<Option<bool>>,
    /// Whether the clock of this node was last seen to differ from that of the database.
    is_clock_off: AtomicBool,
}

impl RegistryTable {
    pub(super) fn new(store: Store, options: RegistryOptions, own: &[OwnService]) -> Self {
        let own = if options.is_announced { own.to_vec() } else { Vec::new() };
        Self {
            store,
            options,
            own: Mutex::new(own),
            attempted: AtomicUsize::new(0),
            is_leaving: AtomicBool::new(false),
            is_registered: watch::Sender::new(None),
            is_clock_off: AtomicBool::new(false),
        }
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
        let mut is_registered = true;
        for (position, service) in own.iter().enumerate() {
            if self.is_leaving.load(Ordering::Relaxed) {
                return;
            }
            self.attempted.fetch_max(position + 1, Ordering::Relaxed);
            if let Err(error) = self.heartbeat(service).await {
                is_registered = false;
                tracing::warn!(service = service.name, %error, "cannot register this node; the next heartbeat retries");
            }
        }
        self.is_registered.send_replace(Some(is_registered));
    }

    /// Waits until the first round of heartbeats has ended.
    pub(super) async fn announced(&self) {
        let mut is_registered = self.is_registered.subscribe();
        is_registered.wait_for(Option::is_some).await.ok();
    }

    /// What users of the health page should know.
    pub(super) fn note(&self) -> Option<&'static str> {
        (*self.is_registered.borrow() == Some(false)).then_some("registry: not registered")
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

    /// Removes the rows of this node, if the database does so in time.
    pub(super) async fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        match timeout(LEAVE, self.remove_own()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "cannot remove this node from the registry; its entry expires")
            }
            Err(_) => {
                tracing::warn!(
                    "cannot remove this node from the registry within {} s; its entry expires",
                    LEAVE.as_secs()
                )
            }
        }
    }

    /// Waits for a heartbeat that is being written, which would insert the rows again.
    async fn remove_own(&self) -> Result<(), StoreError> {
        let mut own = std::mem::take(&mut *self.own.lock().await);
        own.truncate(self.attempted.load(Ordering::Relaxed));
        if own.is_empty() {
            return Ok(());
        }
        self.store
            .write(own, |tx, own| {
                Box::pin(async move {
                    for service in own {
                        service_registry::remove(tx, service.name, &service.uri).await?;
                    }
                    Ok(())
                })
            })
            .await
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
    async fn since(&self, age: TimeDelta) -> Result<Rows, StoreError> {
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
        let db = self.store.read();
        let (time, shift) = match self.options.zone {
            Some(zone) => service_registry::time_and_shift(db, zone).await?,
            None => (clock::shared_time(db).await?, TimeDelta::zero()),
        };
        self.warn_of_other_clock(time);
        Ok(time + shift)
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
    use castalia_store::{Part, StoreOptions, migration};
    use tokio::time::{Instant, pause};

    use super::*;
    use crate::log::in_memory::Lines;

    const CLUSTER: &str = "default";
    const URI: &str = "http://a:1/";

    async fn memory() -> Store {
        Store::connect("sqlite::memory:", StoreOptions::new("config-db")).await.unwrap()
    }

    /// The table of a node with two services at the same address.
    fn table(store: Store) -> RegistryTable {
        let options = RegistryOptions {
            is_announced: true,
            reads_table: true,
            cluster: CLUSTER.to_owned(),
            metadata: "{}".to_owned(),
            heartbeat: Duration::from_secs(10),
            patience: TimeDelta::seconds(61),
            zone: None,
            ignores_eureka: false,
        };
        let machine = SocketAddr::from(([10, 0, 0, 1], 1));
        let own = [CONFIG_SERVICE, ADMIN_SERVICE];
        let own = own.map(|name| OwnService { name, uri: URI.to_owned(), machine });
        RegistryTable::new(store, options, &own)
    }

    /// S87: another node has the same address, such as that of a proxy before both.
    #[tokio::test]
    async fn only_a_node_that_has_sent_heartbeats_removes_its_rows() {
        let store = memory().await;
        migration::apply(&store, Part::Config, |_| Box::pin(async { Ok(()) })).await.unwrap();
        let listed = async || {
            let alive = table(store.clone()).alive().await.unwrap();
            alive.values().map(Vec::len).sum::<usize>()
        };
        let running = table(store.clone());
        running.announce().await;
        assert_eq!(listed().await, 2);
        table(store.clone()).leave().await;
        assert_eq!(listed().await, 2);
        running.leave().await;
        assert_eq!(listed().await, 0);
    }

    /// S46: the clock advances only while every task waits.
    #[tokio::test]
    async fn a_heartbeat_that_hangs_does_not_hold_up_the_end() {
        let table = table(memory().await);
        let lines = Lines::default();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(lines.clone()).finish();
        let _log = tracing::subscriber::set_default(log);
        let heartbeat = table.own.lock().await;
        pause();
        let begun = Instant::now();
        table.leave().await;
        assert!(begun.elapsed() < LEAVE * 2, "{:?}", begun.elapsed());
        assert!(lines.text().contains("within 2 s; its entry expires"), "{}", lines.text());
        drop(heartbeat);
        // It would fail, because there is no table.
        table.announce().await;
        assert_eq!(lines.text().lines().count(), 1, "{}", lines.text());
    }
}
