//! One peer: its queue, and the task that sends it, one batch at a time, so that changes arrive in
//! their order.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use castalia_eureka::batch::{self, Item, Task};
use castalia_eureka::queue::{Queue, Queued};
use castalia_eureka::{Instance, Status};
use http::StatusCode;
use parking_lot::Mutex;
use reqwest::Method;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Eureka;
use super::batch_order::{BATCH_HEADER, BatchNumbers};
use super::endpoint::{self, Endpoint, LARGEST_OUTCOMES};
use super::node_ids::NodeIds;
use super::replicated::{described, interval};
use crate::log_rate::LogRate;
use crate::outgoing::causes;

/// Header by which a node recognises its own requests.
pub const NODE_HEADER: &str = "x-castalia-node";
/// Pauses after a failed connection, and after an answer that did not come or asked for it.
const RECONNECT: Duration = Duration::from_millis(100);
/// The former doubles up to this: each attempt writes the batch anew.
const LONGEST_RECONNECT: Duration = Duration::from_secs(2);
const BUSY: Duration = Duration::from_secs(1);
/// Pause after a refusal of the password, which an operator may change here or there. A Castalia
/// node locks out an address that sends more than ten wrong ones in a minute.
const REFUSED: Duration = Duration::from_secs(10);
/// Interval at which an address that was that of this node is tried again: a name may lead
/// elsewhere.
const OWN: Duration = Duration::from_secs(300);

/// Counter of changes that are not sent again.
pub(super) const DROPPED: &str = "castalia_eureka_dropped_changes_total";

/// A peer, as an operator sees it.
#[derive(Debug, Clone)]
pub struct EurekaPeerState {
    /// Base address, without credentials.
    pub service_url: String,
    /// Number of changes that wait.
    pub waiting: usize,
    /// Why the last batch was not accepted; `None` if it was.
    pub problem: Option<String>,
}

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// Its password may change.
    endpoint: ArcSwap<Endpoint>,
    /// Cancelled when the settings no longer name it.
    pub(super) removed: CancellationToken,
    queue: Mutex<Queue>,
    numbers: BatchNumbers,
    changed: Notify,
    is_sending: AtomicBool,
    /// Connections that failed since the last one that did not.
    unreachable: AtomicU32,
    /// When the address last turned out to be that of this node.
    found_own: Mutex<Option<Instant>>,
    problem: Mutex<Option<String>>,
    /// From where it last answered.
    address: Mutex<Option<IpAddr>>,
    answering: NodeIds,
    /// Of the lines about this peer, so that one peer does not hide another.
    failed: LogRate,
    recovered: LogRate,
    refused: LogRate,
    alternated: LogRate,
}

/// Why a batch was not delivered.
enum Undelivered {
    /// It is sent again after a pause.
    Retry(Duration),
    /// It is sent again in parts.
    TooLarge,
    /// It is not sent again.
    Permanent,
    /// The peer is this node.
    Own,
}

impl Peer {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint: ArcSwap::from_pointee(endpoint),
            removed: CancellationToken::new(),
            queue: Mutex::default(),
            numbers: BatchNumbers::new(),
            changed: Notify::new(),
            is_sending: AtomicBool::new(false),
            unreachable: AtomicU32::new(0),
            found_own: Mutex::default(),
            problem: Mutex::default(),
            address: Mutex::default(),
            answering: NodeIds::default(),
            failed: LogRate::once_a_minute(),
            recovered: LogRate::once_a_minute(),
            refused: LogRate::once_a_minute(),
            alternated: LogRate::once_a_minute(),
        }
    }

    pub(super) fn endpoint(&self) -> Arc<Endpoint> {
        self.endpoint.load_full()
    }

    /// Uses other credentials from the next request on; what waits stays, and keeps its order.
    pub(super) fn authenticate(&self, endpoint: Endpoint) {
        self.endpoint.store(Arc::new(endpoint));
    }

    pub(super) fn push(&self, item: Item, interval: Duration) {
        if self.is_self() {
            return;
        }
        let dropped = self.queue.lock().push(item, interval, Instant::now());
        count_dropped(dropped);
        self.changed.notify_one();
    }

    /// Removes the changes of an instance's status that wait, because another peer reports a newer
    /// one, and uses its present state in the others.
    pub(super) fn outdate_status(
        &self,
        (app, id): (&str, &str),
        task: &Task,
        status: Option<Status>,
        instance: Option<&Arc<Instance>>,
    ) {
        let mut queue = self.queue.lock();
        queue.outdate_status(app, id, task, status);
        if let Some(instance) = instance {
            queue.refresh(instance);
        }
    }

    /// Removes the changes of an instance that wait.
    pub(super) fn forget_instance(&self, app: &str, id: &str) {
        self.queue.lock().forget_instance(app, id);
    }

    pub(super) fn state(&self) -> EurekaPeerState {
        EurekaPeerState {
            service_url: self.endpoint().to_string(),
            waiting: self.waiting(),
            problem: self.problem.lock().clone(),
        }
    }

    pub(super) fn is_self(&self) -> bool {
        self.found_own.lock().is_some_and(|found| found.elapsed() < OWN)
    }

    /// Sends nothing to this address for a while, because it is that of this node.
    pub(super) fn mark_self(&self) {
        tracing::info!(service_url = %self.endpoint(), "an address in eureka.service.url is that of this node; sending it nothing for five minutes");
        *self.found_own.lock() = Some(Instant::now());
        *self.queue.lock() = Queue::default();
    }

    /// Remembers from where it answered.
    pub(super) fn answered(&self, response: &reqwest::Response) {
        *self.address.lock() = response.remote_addr().map(|address| address.ip().to_canonical());
    }

    /// Whether it last answered from this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        *self.address.lock() == Some(address)
    }

    /// Number of changes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// Whether everything was sent, or cannot be.
    pub(super) fn is_flushed(&self) -> bool {
        self.waiting() == 0 && !self.is_sending.load(Ordering::Acquire)
    }

    /// Sends changes until the peer is removed.
    pub(super) async fn send_all(&self, eureka: &Eureka) {
        loop {
            tokio::select! {
                () = self.removed.cancelled() => return,
                () = self.changed.notified() => {}
            }
            loop {
                let pause = {
                    let batch = self.take();
                    if batch.is_empty() {
                        self.is_sending.store(false, Ordering::Release);
                        break;
                    }
                    self.deliver(eureka, batch).await
                };
                if let Some(pause) = pause {
                    tokio::select! {
                        () = self.removed.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                }
            }
        }
    }

    fn take(&self) -> Vec<Queued> {
        let mut queue = self.queue.lock();
        self.is_sending.store(true, Ordering::Release);
        let (batch, expired) = queue.take(Instant::now());
        count_dropped(expired);
        batch
    }

    /// Sends a batch. Returns a pause if it has to be sent again.
    async fn deliver(&self, eureka: &Eureka, mut batch: Vec<Queued>) -> Option<Duration> {
        let sent = Instant::now();
        match self.post(eureka, &batch).await {
            Ok(outcomes) => {
                for (queued, (status, newer)) in batch.iter().zip(outcomes) {
                    self.settle(eureka, &queued.item, sent, status, newer);
                }
                None
            }
            Err(Undelivered::Retry(pause)) => {
                self.queue.lock().restore(batch);
                Some(pause)
            }
            Err(Undelivered::TooLarge) if batch.len() > 1 => {
                let rest = batch.split_off(batch.len() / 2);
                let pause = Box::pin(self.deliver(eureka, batch)).await;
                if pause.is_some() {
                    self.queue.lock().restore(rest);
                    return pause;
                }
                Box::pin(self.deliver(eureka, rest)).await
            }
            Err(Undelivered::TooLarge | Undelivered::Permanent) => {
                count_dropped(batch.len());
                None
            }
            Err(Undelivered::Own) => {
                self.mark_self();
                None
            }
        }
    }

    async fn post(
        &self,
        eureka: &Eureka,
        batch: &[Queued],
    ) -> Result<Vec<(u16, Option<Instance>)>, Undelivered> {
        let report = |error: &dyn std::fmt::Display| {
            *self.problem.lock() = Some(error.to_string());
            if let Some(suppressed) = self.failed.admit() {
                tracing::warn!(service_url = %self.endpoint(), %error, suppressed, "cannot send changes to a peer of Eureka");
            }
        };
        let body = batch::write(batch.iter().map(|queued| &queued.item));
        // The empty last segment makes the path end with a slash, as Java's servers send it.
        let segments = ["peerreplication", "batch", ""];
        let peers = &eureka.0.peers;
        let request = self.endpoint().request(peers.client(), Method::POST, &segments);
        let request = request
            .header(NODE_HEADER, peers.node_id())
            .header(BATCH_HEADER, self.numbers.next().to_string())
            .header("discoveryidentity-name", "DefaultServer")
            .header("discoveryidentity-version", "1.0")
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.map_err(|error| {
            if error.is_timeout() && !error.is_connect() {
                self.queue.lock().was_late(batch.len());
            }
            report(&causes(&error.without_url()));
            let failed = self.unreachable.fetch_add(1, Ordering::Relaxed).min(8);
            Undelivered::Retry((RECONNECT * (1 << failed)).min(LONGEST_RECONNECT))
        })?;
        self.unreachable.store(0, Ordering::Relaxed);
        let answered = response.headers().get(NODE_HEADER);
        if let Some(id) = answered {
            self.report_second_node(id.as_bytes());
        }
        if answered.is_some_and(|id| id == peers.node_id()) {
            return Err(Undelivered::Own);
        }
        self.answered(&response);
        let status = response.status();
        // A proxy answers 502 and 504 in place of a peer that does not answer.
        if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
            report(&status);
            return Err(Undelivered::Retry(BUSY));
        }
        if matches!(status.as_u16(), 401 | 403) {
            report(&status);
            return Err(Undelivered::Retry(REFUSED));
        }
        if !status.is_success() {
            report(&status);
            let is_large = status == StatusCode::PAYLOAD_TOO_LARGE;
            return Err(if is_large { Undelivered::TooLarge } else { Undelivered::Permanent });
        }
        let body = endpoint::body(response, LARGEST_OUTCOMES).await.ok_or_else(|| {
            self.queue.lock().was_late(batch.len());
            report(&"the answer is too large, incomplete or slow");
            Undelivered::Retry(BUSY)
        })?;
        match endpoint::parsed(body, batch::read_outcomes).await {
            Ok(outcomes) if outcomes.len() == batch.len() => {
                self.queue.lock().was_in_time();
                if self.problem.lock().take().is_some()
                    && let Some(suppressed) = self.recovered.admit()
                {
                    tracing::info!(service_url = %self.endpoint(), suppressed, "a peer of Eureka accepts changes again");
                }
                Ok(outcomes)
            }
            Ok(outcomes) => {
                report(&format!("{} outcomes for {} changes", outcomes.len(), batch.len()));
                Err(Undelivered::Permanent)
            }
            Err(error) => {
                report(&error);
                Err(Undelivered::Permanent)
            }
        }
    }

    fn report_second_node(&self, id: &[u8]) {
        if self.answering.is_alternating(id)
            && let Some(suppressed) = self.alternated.admit()
        {
            tracing::warn!(service_url = %self.endpoint(), suppressed, "different nodes answer at an address in eureka.service.url, and each change reaches only one of them; list the address of each node");
        }
    }

    /// Uses the outcome of a change that was sent at this time.
    fn settle(
        &self,
        eureka: &Eureka,
        item: &Item,
        sent: Instant,
        status: u16,
        newer: Option<Instance>,
    ) {
        match (&item.task, status, newer) {
            (_, 200..=299, _) => {}
            // The peer does not have this instance, or an older description.
            (Task::Heartbeat, 404, _) => {
                // Locked until it is in the queue, before the end of the lease.
                let registry = eureka.0.registry.lock();
                if let Some(lease) = registry.get(&item.app, &item.id) {
                    let task = Task::Register(Arc::clone(&lease.instance));
                    let registration = described(&lease.instance, task, None);
                    self.push(registration, interval(&lease.instance));
                }
            }
            (Task::Heartbeat, 409, Some(newer))
                if newer.app == item.app && newer.id() == item.id =>
            {
                eureka.adopt(newer, sent);
            }
            // It remembers what an operator decided.
            (Task::Register(_), 409, Some(theirs)) => {
                let decided = theirs.overridden_status;
                eureka.learn_override(&item.app, &item.id, decided, sent);
            }
            // It is gone there as well, or has the id of a service there, which that server
            // reports.
            (_, 404 | 409, _) => {}
            (task, ..) => {
                count_dropped(1);
                if let Some(suppressed) = self.refused.admit() {
                    let (action, id) = (task.name(), &item.id);
                    tracing::warn!(service_url = %self.endpoint(), id, status, action, suppressed, "a peer of Eureka did not accept a change");
                }
            }
        }
    }
}

/// Counts changes that are not sent again.
fn count_dropped(changes: usize) {
    metrics::counter!(DROPPED).increment(changes as u64);
}
