//! Records from which addresses requests came that an app's observed access key would refuse, so
//! that whoever enforces the key knows which clients would stop. The config role offers records,
//! and a task writes them outside the request path; one that is not taken is offered again with the
//! next request.
//!
//! Clients state their address without proof. Therefore the number of rows is bounded: beyond it
//! only recorded addresses are renewed.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use castalia_store::access_key::unsigned::{self, Request};
use castalia_store::clock::shared_time;
use castalia_store::{JobError as _, Store, StoreError};
use chrono::TimeDelta;
use quick_cache::sync::Cache;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

pub use castalia_store::access_key::unsigned::UnsignedClient;

use super::constraint;
use super::unwritten::Unwritten;
use crate::background::Background;
use crate::error::{Error, Result};

/// Maximum number of rows of an app, and of all apps.
const PER_APP: u64 = 1_000;
const TOTAL: u64 = 10_000;
/// Addresses that are listed.
const LISTED: u64 = 10;
/// Requests of this period are counted.
const PERIOD: TimeDelta = TimeDelta::hours(24);
/// Age from which rows are removed: more than the period, as the clocks of nodes differ.
const RETENTION: TimeDelta = TimeDelta::hours(25);

/// Records that wait to be written, and records per transaction.
const QUEUE: usize = 1_000;
const BATCH: usize = 100;
/// Pause after a batch, which limits what strangers cost the database.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause between two looks for old rows, and after the database denied a write: each denied
/// statement makes the store try whether others are denied, too.
const LONG_PAUSE: Duration = Duration::from_secs(600);
/// Time after which an address is recorded again, and the number of remembered ones.
const REPEAT: Duration = Duration::from_secs(3600);
const REMEMBERED: usize = 10_000;

/// Receives the records of the config role. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UnsignedClients(Arc<UnsignedClientsInner>);

#[derive(Debug)]
struct UnsignedClientsInner {
    store: Store,
    queue: Sender<UnsignedSighting>,
    /// Locked by the writer; one that starts after a panic continues with it.
    offered: Mutex<Receiver<UnsignedSighting>>,
    /// When an address was last offered, by the digest of app and address.
    remembered: Cache<u64, Instant>,
    digest: ahash::RandomState,
}

#[derive(Debug)]
struct UnsignedSighting {
    digest: u64,
    request: Request,
}

/// What was recorded about an app in the last 24 hours.
#[derive(Debug, Clone)]
pub struct Observation {
    /// Number of addresses.
    pub count: u64,
    /// Whether new addresses are not recorded, because there are too many rows.
    pub is_full: bool,
    /// The newest of them.
    pub newest: Vec<UnsignedClient>,
}

/// Starts the writer of the records.
#[must_use]
pub fn run(store: &Store, background: &Background) -> UnsignedClients {
    let clients = UnsignedClients::new(store.clone());
    let written = clients.clone();
    background.spawn("unsigned clients", move || written.clone().write());
    clients
}

impl UnsignedClients {
    /// Accepts records that are never written; [`run`] writes them.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let (queue, offered) = channel(QUEUE);
        let offered = Mutex::new(offered);
        let (remembered, digest) = (Cache::new(REMEMBERED), ahash::RandomState::new());
        Self(Arc::new(UnsignedClientsInner { store, queue, offered, remembered, digest }))
    }

    /// Offers a record of a request of an app in its stored spelling; returns at once.
    pub fn offer(&self, app_id: &str, address: IpAddr) {
        let UnsignedClientsInner { queue, remembered, digest, .. } = &*self.0;
        let digest = digest.hash_one((app_id, address));
        let is_recent = remembered.get(&digest).is_some_and(|at| at.elapsed() < REPEAT);
        if is_recent || app_id.chars().count() > constraint::APP_ID {
            return;
        }
        let request = Request { app_id: app_id.to_owned(), ip: address.to_string() };
        if queue.try_send(UnsignedSighting { digest, request }).is_ok() {
            remembered.insert(digest, Instant::now());
        }
    }

    async fn write(self) {
        let mut offered = self.0.offered.lock().await;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            self.remove_old().await;
            match timeout(LONG_PAUSE, offered.recv_many(&mut batch, BATCH)).await {
                Ok(0) => return,
                Ok(_) => sleep(self.write_batch(std::mem::take(&mut batch)).await).await,
                Err(_) => {}
            }
        }
    }

    /// Returns the pause until the next batch.
    async fn write_batch(&self, batch: Vec<UnsignedSighting>) -> Duration {
        let digests = batch.iter().map(|sighting| sighting.digest);
        let unwritten = Unwritten::of(&self.0.remembered, digests);
        let requests: HashSet<_> = batch.into_iter().map(|sighting| sighting.request).collect();
        let Err(error) = record(&self.0.store, requests.into_iter().collect()).await else {
            unwritten.done();
            return PAUSE;
        };
        drop(unwritten);
        let is_lasting = error.store_error().is_some_and(StoreError::is_unusable_table);
        tracing::warn!(%error, "cannot record which clients an observed access key would refuse; they are recorded with a later request");
        if is_lasting { LONG_PAUSE } else { PAUSE }
    }

    async fn remove_old(&self) {
        if let Err(error) = remove_old(&self.0.store).await {
            tracing::debug!(%error, "cannot remove old records of unsigned clients; retrying later");
        }
    }
}

/// By the clock of the database: that of a node which is ahead would make new rows look old.
async fn remove_old(store: &Store) -> Result<()> {
    let before = shared_time(store.read()).await? - RETENTION;
    Ok(unsigned::delete_before(store, before).await?)
}

/// Writes the records that the limits admit.
async fn record(store: &Store, requests: Vec<Request>) -> Result<()> {
    let admitted = admitted(store, requests).await?;
    if admitted.is_empty() {
        return Ok(());
    }
    let write = store.write(admitted, |tx, admitted| {
        Box::pin(async move {
            unsigned::record(tx, admitted, castalia_store::now()).await?;
            Ok::<_, Error>(())
        })
    });
    write.await
}

/// Recorded addresses, and as many new ones as there is room for.
async fn admitted(store: &Store, requests: Vec<Request>) -> Result<Vec<Request>> {
    let stored = unsigned::find(store.read(), &requests).await?;
    let mut total = unsigned::count(store.read()).await?;
    let mut apps: HashMap<String, u64> = HashMap::new();
    let mut admitted = Vec::with_capacity(requests.len());
    for request in requests {
        if stored.contains(&request) {
            admitted.push(request);
            continue;
        }
        let held = match apps.get(&request.app_id) {
            Some(held) => *held,
            None => unsigned::count_of_app(store.read(), &request.app_id).await?,
        };
        let has_room = held < PER_APP && total < TOTAL;
        apps.insert(request.app_id.clone(), held + u64::from(has_room));
        if has_room {
            total += 1;
            admitted.push(request);
        }
    }
    Ok(admitted)
}

/// What was recorded about an app; `None` if nothing can be recorded.
pub async fn of_app(store: &Store, app_id: &str) -> Result<Option<Observation>> {
    let since = castalia_store::now() - PERIOD;
    let Some((count, newest)) = unsigned::of_app(store, app_id, since, LISTED).await? else {
        return Ok(None);
    };
    let is_full = unsigned::count_of_app(store.read(), app_id).await? >= PER_APP
        || unsigned::count(store.read()).await? >= TOTAL;
    Ok(Some(Observation { count, is_full, newest }))
}
