//! The peers: the servers that `eureka.service.url` names, except for this node.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use castalia_eureka::batch::{Item, Task};
use castalia_eureka::{Instance, Status};
use castalia_store::Secret;
use parking_lot::Mutex;
use reqwest::Url;

use super::Eureka;
use super::endpoint::{self, Endpoint};
use super::own_address::OwnAddress;
use super::peer::{EurekaPeerState, Peer};
use crate::background::Background;
use crate::log_rate::{LogRate, shortened};
use crate::server_config::ServerConfig;

/// Time-outs of a request to a peer.
const CONNECT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(2);

/// All peers.
#[derive(Debug)]
pub(super) struct Peers {
    config: ServerConfig,
    client: reqwest::Client,
    node_id: String,
    /// Under which this node may be listed.
    own: OwnAddress,
    pub(super) list: ArcSwap<Vec<Arc<Peer>>>,
    pub(super) is_copying: AtomicBool,
    /// Until when the list is not complete, because no peer had one.
    pub(super) lacks_until: Mutex<Option<Instant>>,
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
            lacks_until: Mutex::default(),
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

    /// Whether this node may not know of instances that others know.
    pub(super) fn is_incomplete(&self) -> bool {
        self.is_copying() || self.lacks_until.lock().is_some_and(|until| Instant::now() < until)
    }

    /// Appends a change to every queue; `is_local` states that only this machine can use the
    /// instance.
    pub(super) fn push(&self, item: &Item, interval: Duration, is_local: bool) {
        static LOCAL: LogRate = LogRate::once_a_minute();
        for peer in self.list.load().iter() {
            if !is_local || peer.endpoint().is_loopback() {
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

    /// Uses what a peer reports of an instance's status in all queues; `instance` is its present
    /// state.
    pub(super) fn outdate_status(
        &self,
        of: (&str, &str),
        task: &Task,
        status: Option<Status>,
        instance: Option<&Arc<Instance>>,
    ) {
        for peer in self.list.load().iter() {
            peer.outdate_status(of, task, status, instance);
        }
    }

    /// Removes the changes of an instance from all queues, because it left.
    pub(super) fn forget_instance(&self, app: &str, id: &str) {
        for peer in self.list.load().iter() {
            peer.forget_instance(app, id);
        }
    }

    /// What the servers in the settings are sent as user name and password, this node included.
    pub(super) fn credentials(&self) -> Vec<Secret> {
        endpoint::configured(&self.config).iter().filter_map(Endpoint::credentials).collect()
    }

    /// Whether one of the peers answers from this address.
    pub(super) fn is_at(&self, address: IpAddr) -> bool {
        self.list.load().iter().any(|peer| peer.is_at(address))
    }

    /// Whether one of the peers is on another machine.
    pub(super) fn has_remote(&self) -> bool {
        self.list.load().iter().any(|peer| !peer.endpoint().is_loopback() && !peer.is_self())
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
            let is_listed = endpoints.iter().any(|listed| listed.url == endpoint.url);
            if !is_listed && !self.own.includes(&endpoint.url).await {
                endpoints.push(endpoint);
            }
        }
        if present.iter().map(|peer| peer.endpoint()).eq(endpoints.iter().cloned().map(Arc::new)) {
            return;
        }
        let find = |url: &Url| present.iter().find(|peer| peer.endpoint().url == *url).cloned();
        for peer in present.iter() {
            let url = &peer.endpoint().url;
            if !endpoints.iter().any(|endpoint| endpoint.url == *url) {
                peer.removed.cancel();
            }
        }
        let peers = endpoints.into_iter().map(|endpoint| {
            let known = find(&endpoint.url).inspect(|peer| peer.authenticate(endpoint.clone()));
            known.unwrap_or_else(|| {
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
}
