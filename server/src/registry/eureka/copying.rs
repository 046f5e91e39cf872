//! The lists of the peers, with which a node starts.
//!
//! Only a Castalia node states whether its list is complete, and which statuses operators removed.
//! Servers in Java answer from caches that are up to 30 seconds old, and with an empty list right
//! after their start: all of them are read, and they are asked about what matters most once more,
//! which they answer without a cache.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use castalia_eureka::{Instance, Status, applications, removed_overrides};
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use http::header::RETRY_AFTER;
use reqwest::{Method, Response};
use tokio::time::{Instant, timeout_at};

use super::endpoint::{self, LARGEST_ANSWER, LARGEST_LIST};
use super::peer::{NODE_HEADER, Peer};
use super::peers::Peers;
use super::{Eureka, services};
use crate::outgoing::causes;

/// Maximum time for which a starting node refuses to show its incomplete list.
const COPY: Duration = Duration::from_secs(10);
/// Time before its end in which nothing is asked any more.
const STORE: Duration = Duration::from_secs(1);
/// Rounds in which the peers are asked for their lists, and the pause between two.
const ROUNDS: usize = 3;
const PAUSE: Duration = Duration::from_secs(5);
/// Time in which the heartbeats of all usual instances arrive.
const FILLED: Duration = Duration::from_secs(90);
/// Maximum number of instances of one list that are asked about, of requests at the same time, and
/// the time for all.
const CHECKED: usize = 200;
const PARALLEL: usize = 16;
const CHECK: Duration = Duration::from_secs(4);

/// Outcome of asking all peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// No peer that failed is likely to know more.
    Copied,
    /// Those that answered know nobody, and others failed.
    Empty,
    /// Nobody answered.
    Failed,
}

/// What a peer answered. Lists are large, and are read one after the other.
enum PeerAnswer {
    /// The body, and whether the Castalia node that sent it starts; `None` for a server in Java.
    List(Vec<u8>, Option<bool>),
    /// The peer is this node.
    Own,
}

impl PeerAnswer {
    async fn read(self) -> Result<PeerList, String> {
        let Self::List(body, is_starting) = self else { return Ok(PeerList::Own) };
        let instances = endpoint::parsed(body, applications::read).await?;
        Ok(match is_starting {
            Some(false) => PeerList::Complete(instances),
            Some(true) => PeerList::Partial(instances),
            None => PeerList::Cached(instances),
        })
    }
}

/// The list of a peer.
enum PeerList {
    /// Of a Castalia node, which has been there for a while.
    Complete(Vec<Instance>),
    /// Of a Castalia node that starts as well.
    Partial(Vec<Instance>),
    /// Of a server in Java.
    Cached(Vec<Instance>),
    /// The peer is this node.
    Own,
}

impl Peers {
    /// Hides the list of this node until [`Self::copy`] ends, if there are peers. Returns whether
    /// there are.
    pub(super) fn begin_copy(&self) -> bool {
        let has_peers = !self.list.load().is_empty();
        self.is_copying.store(has_peers, Ordering::Relaxed);
        has_peers
    }

    /// Copies the lists of the peers, until one is complete.
    pub(super) async fn copy(&self, eureka: &Eureka) {
        if !self.is_copying() {
            return;
        }
        let end = Instant::now() + COPY;
        let copied = timeout_at(end, self.copy_from_any(eureka, end - STORE)).await;
        self.is_copying.store(false, Ordering::Relaxed);
        if copied != Ok(true) {
            *self.lacks_until.lock() = Some(std::time::Instant::now() + FILLED);
            tracing::warn!(
                "no peer of Eureka has a list that can be copied; heartbeats fill the list"
            );
        }
    }

    async fn copy_from_any(&self, eureka: &Eureka, end: Instant) -> bool {
        let mut is_copied = false;
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let outcome = self.copy_once(eureka, round == 0, end).await;
            is_copied |= outcome != Round::Failed;
            // Nodes that start together do not wait for each other.
            if outcome == Round::Copied || self.list.load().iter().all(|peer| peer.is_self()) {
                return true;
            }
        }
        is_copied
    }

    /// Asks all peers at once, so that one that does not answer delays little. Lists that are not
    /// checked at the end are stored as they are.
    async fn copy_once(&self, eureka: &Eureka, is_first: bool, end: Instant) -> Round {
        let peers = self.list.load_full();
        let others = peers.iter().filter(|peer| !peer.is_self());
        let asked = others.map(|peer| async move { (peer, self.ask(peer).await) });
        let mut answers: FuturesUnordered<_> = asked.collect();
        let (mut cached, mut has_others) = (Vec::new(), false);
        let (mut has_answered, mut has_failed) = (false, false);
        // Only the parsing is awaited meanwhile: the answers have to arrive in time.
        while let Some((peer, answer)) = answers.next().await {
            let list = match answer {
                Ok(answer) => answer.read().await,
                Err(error) => Err(error),
            };
            has_answered |= list.is_ok();
            match list {
                Ok(PeerList::Complete(instances)) => {
                    store(eureka, peer, instances, true);
                    self.copy_removed_overrides(eureka, peer, end).await;
                    return Round::Copied;
                }
                // It starts as well, and may have copied from nobody.
                Ok(PeerList::Partial(instances)) => {
                    store(eureka, peer, instances, false);
                }
                Ok(PeerList::Cached(instances)) => {
                    has_others |= instances
                        .iter()
                        .any(|instance| !eureka.is_own(instance) && !is_peer(instance, peer));
                    cached.push((peer, instances));
                }
                Ok(PeerList::Own) => {}
                Err(error) => {
                    has_failed = true;
                    if is_first {
                        tracing::warn!(service_url = %peer.endpoint(), error, "cannot copy the list of a peer of Eureka");
                    }
                }
            }
        }
        let checked = cached.into_iter().map(|(peer, instances)| async move {
            store(eureka, peer, self.current(peer, instances, end).await, false);
        });
        join_all(checked).await;
        match (has_others, has_answered, has_failed) {
            (true, ..) | (_, true, false) => Round::Copied,
            // Lists of others that have just started; the peer that failed may know more.
            (false, true, true) => Round::Empty,
            (false, false, _) => Round::Failed,
        }
    }

    /// The list of a peer, whose body arrives while others are asked.
    async fn ask(&self, peer: &Arc<Peer>) -> Result<PeerAnswer, String> {
        let response = self.get(peer, &["apps", ""]).await?;
        let node = response.headers().get(NODE_HEADER);
        if node.is_some_and(|id| *id == *self.node_id()) {
            peer.mark_self();
            return Ok(PeerAnswer::Own);
        }
        let is_ours = node.is_some();
        peer.answered(&response);
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        let is_starting = response.headers().contains_key(RETRY_AFTER);
        let body = endpoint::body(response, LARGEST_LIST).await;
        let body = body.ok_or("the list is larger than 32 MiB, incomplete or slow")?;
        Ok(PeerAnswer::List(body, is_ours.then_some(is_starting)))
    }

    /// Copies which statuses operators removed at a Castalia node: another peer may have missed it.
    async fn copy_removed_overrides(&self, eureka: &Eureka, peer: &Arc<Peer>, end: Instant) {
        let removed = async {
            let answer = self.get(peer, &["castalia", "removed-overrides"]).await.ok()?;
            endpoint::body(answer.error_for_status().ok()?, LARGEST_LIST).await
        };
        let end = end.min(Instant::now() + CHECK);
        let Ok(Some(body)) = timeout_at(end, removed).await else {
            tracing::warn!(service_url = %peer.endpoint(), "cannot copy from a peer of Eureka which statuses operators removed");
            return;
        };
        eureka.copy_removed_overrides(removed_overrides::read(&body));
    }

    /// The list of a server in Java, with the services of Apollo and what operators decided as they
    /// are now.
    async fn current(
        &self,
        peer: &Arc<Peer>,
        instances: Vec<Instance>,
        end: Instant,
    ) -> Vec<Instance> {
        let (asked, mut kept): (Vec<_>, Vec<_>) = instances.into_iter().partition(is_checked);
        let (asked, rest) = asked.split_at(asked.len().min(CHECKED));
        kept.extend_from_slice(rest);
        let current = stream::iter(asked.iter().cloned().map(|one| self.now(peer, one)));
        let current = current.buffer_unordered(PARALLEL).filter_map(std::future::ready).collect();
        match timeout_at(end.min(Instant::now() + CHECK), current).await {
            Ok(current) => kept.extend::<Vec<_>>(current),
            Err(_) => kept.extend_from_slice(asked),
        }
        kept
    }

    /// The instance as the peer knows it; `None` if it left.
    async fn now(&self, peer: &Arc<Peer>, listed: Instance) -> Option<Instance> {
        let answer = self.get(peer, &["apps", &listed.app, listed.id()]).await;
        let Ok(response) = answer else { return Some(listed) };
        match response.status() {
            StatusCode::NOT_FOUND => None,
            StatusCode::OK => {
                let body = endpoint::body(response, LARGEST_ANSWER).await.unwrap_or_default();
                let read = applications::read_instance(&body);
                Some(read.map_or(listed, |(instance, _)| instance))
            }
            _ => Some(listed),
        }
    }

    async fn get(&self, peer: &Arc<Peer>, path: &[&str]) -> Result<Response, String> {
        let request = peer.endpoint().request(self.client(), Method::GET, path);
        let response = request.header(NODE_HEADER, self.node_id()).send().await;
        response.map_err(|error| causes(&error.without_url()))
    }
}

/// Whether an instance is the Eureka server itself, which lists nobody else right after its start.
fn is_peer(instance: &Instance, peer: &Peer) -> bool {
    let endpoint = peer.endpoint();
    let url = &endpoint.url;
    let is_host = |host: &str| url.host_str() == Some(host);
    url.port_or_known_default().map(i64::from) == Some(instance.port.number)
        && (is_host(&instance.host_name) || is_host(&instance.ip_addr))
}

/// Whether clients would miss it, or an operator decided something about it.
fn is_checked(instance: &Instance) -> bool {
    services::is_of_apollo(instance) || instance.overridden_status != Status::Unknown
}

fn store(eureka: &Eureka, peer: &Peer, instances: Vec<Instance>, is_complete: bool) {
    let number = instances.len();
    let is_usable =
        |instance: &Instance| peer.endpoint().is_loopback() || !services::leads_to_caller(instance);
    let stored = instances.into_iter().filter(is_usable);
    let stored = stored.map(|instance| eureka.copy(instance));
    let stored = stored.filter(|is_stored| *is_stored).count();
    let refused = number - stored;
    tracing::info!(service_url = %peer.endpoint(), instances = stored, refused, is_complete, "copied the list of a peer of Eureka");
}
