//! The peers: the servers that `eureka.service.url` names, except for this node; and the copy of
//! their list with which a node starts.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use castalia_eureka::batch::Item;
use castalia_eureka::{Instance, applications};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::header::RETRY_AFTER;
use reqwest::Method;

use super::Eureka;
use super::endpoint::{self, Endpoint, LARGEST_LIST};
use super::own_address::OwnAddress;
use super::peer::{EurekaPeerState, NODE, Peer};
use super::services;
use crate::background::Background;
use crate::log_rate::{LogRate, shortened};
use crate::outgoing::causes;
use crate::server_config::ServerConfig;

/// Time-outs of a request to a peer.
const CONNECT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(2);
/// Maximum time for which a starting node refuses to show its incomplete list.
const COPY: Duration = Duration::from_secs(10);
/// Rounds in which the peers are asked for their lists, and the pause between two.
const ROUNDS: usize = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// All peers.
#[derive(Debug)]
pub(super) struct Peers {
    config: ServerConfig,
    client: reqwest::Client,
    node_id: String,
    /// Under which this node may be listed.
    own: OwnAddress,
    list: ArcSwap<Vec<Arc<Peer>>>,
    is_copying: AtomicBool,
}

impl Peers {
    pub(super) fn new(config: ServerConfig, own: OwnAddress) -> reqwest::Result<Self> {
        Ok(Self {
            config,
            client: endpoint::client(CONNECT, ANSWER)?,
            node_id: format!("{:032x}", fastrand::u128(..)),
            own,
            list: ArcSwap::default(),
            is_copying: AtomicBool::new(false),
        })
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(super) fn node_id(&self) -> &str {
        &self.node_id
    }

    pub(super) fn is_copying(&self) -> bool {
        self.is_copying.load(Ordering::Relaxed)
    }

    /// Appends a change to every queue; `is_local` states that only this machine can use the instance.
    pub(super) fn push(&self, item: &Item, interval: Duration, is_local: bool) {
        static LOCAL: LogRate = LogRate::once_a_minute();
        for peer in self.list.load().iter() {
            if !is_local || peer.endpoint.is_loopback() {
                peer.push(item.clone(), interval);
            } else if let Some(suppressed) = LOCAL.admit() {
                let (app, id) = (shortened(&item.app), shortened(&item.id));
                tracing::warn!(
                    app,
                    id,
                    suppressed,
                    "a service with a loopback address is not announced to servers on other machines, whose clients would reach themselves"
                );
            }
        }
    }

    /// Whether one of the peers answers from this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.list.load().iter().any(|peer| peer.is_at(address))
    }

    /// Whether one of the peers is on another machine.
    pub(super) fn has_remote(&self) -> bool {
        self.list.load().iter().any(|peer| !peer.endpoint.is_loopback() && !peer.is_self())
    }

    /// The peers as they are now.
    pub(super) fn states(&self) -> Vec<EurekaPeerState> {
        self.list.load().iter().map(|peer| peer.state()).collect()
    }

    /// Completes when all queues are empty.
    pub(super) async fn flushed(&self) {
        while !self.list.load().iter().all(|peer| peer.is_flushed()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Adds and removes peers according to the settings. The queue of a new one is empty.
    pub(super) async fn refresh(&self, eureka: &Eureka, background: &Background) {
        let present = self.list.load_full();
        let waiting: usize = present.iter().map(|peer| peer.waiting()).sum();
        metrics::gauge!("castalia_eureka_replication_queue").set(waiting as f64);
        metrics::gauge!("castalia_eureka_peers").set(present.len() as f64);
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for endpoint in endpoint::configured(&self.config) {
            if !endpoints.contains(&endpoint) && !self.own.includes(&endpoint.url).await {
                endpoints.push(endpoint);
            }
        }
        if present.iter().map(|peer| &peer.endpoint).eq(&endpoints) {
            return;
        }
        let (kept, removed): (Vec<_>, Vec<_>) =
            present.iter().cloned().partition(|peer| endpoints.contains(&peer.endpoint));
        removed.iter().for_each(|peer| peer.removed.cancel());
        let peers = endpoints.into_iter().map(|endpoint| {
            let known = kept.iter().find(|peer| peer.endpoint == endpoint);
            known.cloned().unwrap_or_else(|| {
                let peer = Arc::new(Peer::new(endpoint));
                let (eureka, sender) = (eureka.clone(), Arc::clone(&peer));
                background.spawn("eureka replication", move || {
                    let (eureka, sender) = (eureka.clone(), Arc::clone(&sender));
                    async move { sender.send_all(&eureka).await }
                });
                peer
            })
        });
        let peers: Vec<_> = peers.collect();
        self.list.store(Arc::new(peers));
    }

    /// Hides the list of this node until [`Self::copy`] ends, if there are peers.
    pub(super) fn begin_copy(&self) {
        self.is_copying.store(!self.list.load().is_empty(), Ordering::Relaxed);
    }

    /// Copies the list of the first peer that answers with a complete one.
    pub(super) async fn copy(&self, eureka: &Eureka) {
        if !self.is_copying() {
            return;
        }
        let copied = tokio::time::timeout(COPY, self.copy_from_any(eureka)).await;
        self.is_copying.store(false, Ordering::Relaxed);
        if copied != Ok(true) {
            tracing::warn!(
                "no peer of Eureka has a list that can be copied; heartbeats fill the list"
            );
        }
    }

    async fn copy_from_any(&self, eureka: &Eureka) -> bool {
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let peers = self.list.load_full();
            let mut is_starting = false;
            let others = peers.iter().filter(|peer| !peer.is_self());
            // All at once, so that one that does not answer delays nothing.
            let mut lists: FuturesUnordered<_> =
                others.map(|peer| async move { (peer, self.read(peer).await) }).collect();
            while let Some((peer, list)) = lists.next().await {
                let (instances, is_complete) = match list {
                    Ok(Some(list)) => list,
                    Ok(None) => continue,
                    Err(error) => {
                        if round == 0 {
                            tracing::warn!(service_url = %peer.endpoint, error, "cannot copy the list of a peer of Eureka");
                        }
                        continue;
                    }
                };
                let number = instances.len();
                let is_usable = |instance: &Instance| {
                    peer.endpoint.is_loopback() || !services::leads_to_caller(instance)
                };
                let stored = instances.into_iter().filter(is_usable);
                let stored = stored.map(|instance| eureka.copy(instance, is_complete));
                let stored = stored.filter(|is_stored| *is_stored).count();
                let refused = number - stored;
                tracing::info!(service_url = %peer.endpoint, instances = stored, refused, is_complete, "copied the list of a peer of Eureka");
                if is_complete {
                    return true;
                }
                is_starting = true;
            }
            // Nodes that start together do not wait for each other.
            if is_starting || peers.iter().all(|peer| peer.is_self()) {
                return true;
            }
        }
        false
    }

    /// The list of a peer, and whether it is complete: one that is starting copies a list itself.
    /// `None` if it turns out to be this node.
    async fn read(&self, peer: &Peer) -> Result<Option<(Vec<Instance>, bool)>, String> {
        let request = peer.endpoint.request(&self.client, Method::GET, &["apps", ""]);
        let response = request.header(NODE, &self.node_id).send().await;
        let response = response.map_err(|error| causes(&error.without_url()))?;
        if response.headers().get(NODE).is_some_and(|id| *id == *self.node_id) {
            peer.mark_self();
            return Ok(None);
        }
        peer.answered(&response);
        if !response.status().is_success() {
            return Err(response.status().to_string());
        }
        let is_complete = !response.headers().contains_key(RETRY_AFTER);
        let body = endpoint::body(response, LARGEST_LIST).await;
        let body = body.ok_or("the list is larger than 32 MiB, or incomplete")?;
        let instances = applications::read(&body).map_err(|error| error.to_string())?;
        Ok(Some((instances, is_complete)))
    }
}
