//! The Eureka servers of others: this node's services are registered there and kept alive, and the
//! services of Apollo are read from there. Exists only if discovery goes through Eureka and this
//! node does not host it.
//!
//! Only the two apps of Apollo are read, so that neither memory nor traffic depends on how many
//! other services the servers have. The last lists remain in effect while no server answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use castalia_core::protocol::namespace::{ADMIN_SERVICE, CONFIG_SERVICE};
use castalia_core::protocol::wire::ServiceInstance;
use castalia_eureka::{Instance, Lease, applications, json};
use http::StatusCode;
use parking_lot::Mutex;
use reqwest::Method;

use super::endpoint::{self, Endpoint, LARGEST_ANSWER, LARGEST_LIST};
use super::own::OwnInstances;
use super::{now, services};
use crate::background::Background;
use crate::log_rate::LogRate;
use crate::outgoing::causes;
use crate::registry::{OwnService, Probe};
use crate::server_config::ServerConfig;
use crate::settings::Settings;

/// Time-outs of a request.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(8);
/// Maximum interval at which the lists are read.
const READ: Duration = Duration::from_secs(30);
/// Pauses between attempts to register.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Time within which each service registers again, unless its leases are longer than usual.
const LEASE: Duration = Duration::from_secs(90);
/// Maximum time for the end of the registration under way, and then for deregistering.
const LEAVE: Duration = Duration::from_secs(1);

/// Apollo's services at the servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EurekaClient(Arc<ClientInner>);

#[derive(Debug)]
struct ClientInner {
    config: ServerConfig,
    client: reqwest::Client,
    renewal_interval: Duration,
    own: OwnInstances,
    /// Whether the own services are registered; if not, only this node lists them.
    registers: bool,
    /// Held during a registration or a heartbeat, so that none follows the departure.
    announcing: tokio::sync::Mutex<()>,
    /// The server that answered last.
    position: AtomicUsize,
    /// The servers that accepted this node, and when they last did; leases there end after a while.
    accepted: Mutex<Vec<(Endpoint, Instant)>>,
    lease_duration: Duration,
    /// Set from the moment when no server answered with a list or a registration, until one lists a
    /// service.
    is_unreachable: AtomicBool,
    listed: ArcSwap<HashMap<&'static str, Vec<Instance>>>,
    /// When a service was first read without instances, although the last list has some.
    emptied: Mutex<HashMap<&'static str, Instant>>,
}

impl EurekaClient {
    /// `own` are the services of this node.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn new(
        settings: &Settings,
        config: ServerConfig,
        own: &[OwnService],
        registers: bool,
    ) -> reqwest::Result<Self> {
        let instance = &settings.eureka.instance;
        Ok(Self(Arc::new(ClientInner {
            config,
            client: endpoint::client(CONNECT, ANSWER)?,
            renewal_interval: Duration::from_secs(instance.renewal_interval.into()),
            own: OwnInstances::new(own, instance),
            registers: registers && !own.is_empty(),
            announcing: tokio::sync::Mutex::default(),
            position: AtomicUsize::new(0),
            accepted: Mutex::default(),
            lease_duration: Duration::from_secs(instance.lease_duration.into()),
            is_unreachable: AtomicBool::new(false),
            listed: ArcSwap::default(),
            emptied: Mutex::default(),
        })))
    }

    /// Starts announcing and reading.
    pub fn run(&self, background: &Background, probe: Probe) {
        let client = self.clone();
        background.spawn("eureka registration", move || {
            let (client, probe) = (client.clone(), Arc::clone(&probe));
            async move { client.keep_registered(&probe).await }
        });
        let client = self.clone();
        let pause = READ.min(self.0.renewal_interval);
        background.repeat("eureka discovery", pause, move || {
            let client = client.clone();
            async move { client.read().await }
        });
    }

    /// Registers, and renews from then on, at once when a status changed; after a failure at once with
    /// the next server, and then after a pause.
    async fn keep_registered(&self, probe: &Probe) {
        let mut pause = PAUSE;
        loop {
            self.0.own.check(probe).await;
            let is_registered = !self.0.registers || self.announce().await;
            let wait = if is_registered { self.0.renewal_interval } else { pause };
            pause = if is_registered { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            self.0.own.changed_within(wait.mul_f64(0.9 + fastrand::f64() * 0.1), probe).await;
        }
    }

    /// Renews the lease of each own service, or registers it. Returns whether all are registered.
    async fn announce(&self) -> bool {
        let _announcing = self.0.announcing.lock().await;
        let mut is_registered = true;
        for instance in &self.0.own.all() {
            is_registered &= self.renew_or_register(instance).await;
        }
        is_registered
    }

    async fn renew_or_register(&self, instance: &Instance) -> bool {
        let segments = ["apps", &instance.app, instance.id()];
        let dirty = instance.dirty.unwrap_or_default().to_string();
        let parameters = [("status", instance.status.name()), ("lastDirtyTimestamp", &*dirty)];
        let renewed = self
            .send(LARGEST_ANSWER, is_answer, |server| {
                server.request_with(&self.0.client, Method::PUT, &segments, &parameters)
            })
            .await;
        match renewed {
            Some(answer) if answer.status.is_success() => self.remember(answer.server),
            Some(_) => return self.register(&instance.app, instance.id()).await,
            None => return false,
        }
        true
    }

    fn remember(&self, server: Endpoint) {
        let mut accepted = self.0.accepted.lock();
        accepted.retain(|(known, _)| *known != server);
        accepted.push((server, Instant::now()));
    }

    /// Registers with a new timestamp, so that the server does not keep an older description. A
    /// server that answers 404 has no Eureka at this address.
    async fn register(&self, app: &str, id: &str) -> bool {
        let Some(instance) = self.0.own.renewed(app, id, None) else { return true };
        let body = json::instance(&Lease::unregistered(instance));
        let registered = self
            .send(LARGEST_ANSWER, StatusCode::is_success, |server| {
                let request = server.request(&self.0.client, Method::POST, &["apps", app]);
                request.header("content-type", "application/json").body(body.clone())
            })
            .await;
        let Some(answer) = registered else { return false };
        tracing::info!(app, id, "registered with Eureka");
        self.remember(answer.server);
        true
    }

    async fn read(&self) {
        let mut listed = HashMap::new();
        for service in [CONFIG_SERVICE, ADMIN_SERVICE] {
            let app = service.to_ascii_uppercase();
            let answer = self
                .send(LARGEST_LIST, is_answer, |server| {
                    server.request(&self.0.client, Method::GET, &["apps", &app])
                })
                .await;
            // Otherwise what was read before remains in effect.
            let instances = match answer {
                Some(Answer { status: StatusCode::NOT_FOUND, .. }) => Vec::new(),
                Some(Answer { status: StatusCode::OK, body, .. }) => {
                    match applications::read_one(&body) {
                        Ok(instances) => instances,
                        Err(error) => return self.leave_server(&error),
                    }
                }
                _ => return,
            };
            listed.insert(service, instances);
        }
        let is_somebody_listed = listed.values().any(|instances| !instances.is_empty());
        if is_somebody_listed || !self.0.registers {
            self.0.is_unreachable.store(false, Ordering::Relaxed);
        }
        // A server that has just started knows nobody; the heartbeats fill it. One that knows nobody
        // because it has no Eureka at this address is left by a node that does not register.
        if !is_somebody_listed {
            if !self.0.registers {
                self.0.position.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        self.keep_known(&mut listed);
        self.0.listed.store(Arc::new(listed));
        metrics::gauge!("castalia_eureka_read_timestamp_seconds").set(now().wall as f64 / 1000.0);
    }

    /// Keeps the last instances of a service that is listed without any for the time in which they
    /// register again with a server that lost them: the services do so one after the other.
    fn keep_known(&self, listed: &mut HashMap<&'static str, Vec<Instance>>) {
        let known = self.0.listed.load();
        let mut emptied = self.0.emptied.lock();
        for (service, instances) in listed {
            let last = known.get(service).filter(|last| !last.is_empty());
            let Some(last) = last.filter(|_| instances.is_empty()) else {
                emptied.remove(service);
                continue;
            };
            if emptied.entry(service).or_insert_with(Instant::now).elapsed() < LEASE {
                instances.clone_from(last);
            }
        }
    }

    /// Uses the next server from now on, because the answer of this one is not a list: a proxy may
    /// answer 200 with a page of its own.
    fn leave_server(&self, error: &castalia_eureka::Invalid) {
        static UNREADABLE: LogRate = LogRate::once_a_minute();
        if let Some(suppressed) = UNREADABLE.admit() {
            tracing::warn!(%error, suppressed, "an Eureka server answers with something other than a list; using the next one");
        }
        self.0.position.fetch_add(1, Ordering::Relaxed);
        self.0.is_unreachable.store(true, Ordering::Relaxed);
    }

    /// Sends a request to the server that answered last, or to the next one whose status is an
    /// answer: one that does not mean that the server cannot be used. The body is at most `largest`
    /// bytes long.
    async fn send(
        &self,
        largest: usize,
        is_answer: impl Fn(&StatusCode) -> bool,
        request: impl Fn(&Endpoint) -> reqwest::RequestBuilder,
    ) -> Option<Answer> {
        static FAILED: LogRate = LogRate::once_a_minute();
        let servers = self.servers();
        let first = self.0.position.load(Ordering::Relaxed);
        let mut reason = "eureka.service.url has no address".to_owned();
        for offset in 0..servers.len() {
            let position = (first + offset) % servers.len();
            let request = request(&servers[position]);
            let request = request
                .header("discoveryidentity-name", "DefaultClient")
                .header("discoveryidentity-version", "1.4");
            match request.send().await {
                Ok(response) if is_answer(&response.status()) => {
                    let status = response.status();
                    if let Some(body) = endpoint::body(response, largest).await {
                        self.0.position.store(position, Ordering::Relaxed);
                        return Some(Answer { status, body, server: servers[position].clone() });
                    }
                    reason =
                        format!("{}: the answer is too large or incomplete", servers[position]);
                }
                Ok(response) if response.status() == StatusCode::FORBIDDEN => {
                    reason = format!(
                        "{}: 403; if it uses Spring Security, exclude /eureka/** from its CSRF protection",
                        servers[position]
                    );
                }
                Ok(response) => reason = format!("{}: {}", servers[position], response.status()),
                Err(error) => {
                    reason = format!("{}: {}", servers[position], causes(&error.without_url()))
                }
            }
        }
        self.0.is_unreachable.store(true, Ordering::Relaxed);
        if let Some(suppressed) = FAILED.admit() {
            tracing::warn!(
                reason,
                suppressed,
                "no Eureka server can be used; the last lists remain in effect"
            );
        }
        None
    }

    fn servers(&self) -> Vec<Endpoint> {
        endpoint::configured(&self.0.config)
    }

    /// Deregisters at the servers that may list this node.
    pub async fn leave(&self) {
        let own = self.0.own.take();
        // It waits longer for a server that does not answer than this node may take for its end.
        let announcing = tokio::time::timeout(LEAVE, self.0.announcing.lock()).await;
        let mut accepted = std::mem::take(&mut *self.0.accepted.lock());
        accepted.retain(|(_, at)| at.elapsed() < self.0.lease_duration);
        let requests = accepted.iter().flat_map(|(server, _)| {
            let delete = |instance: &Instance| {
                let segments = ["apps", &instance.app, instance.id()];
                let request = server.request(&self.0.client, Method::DELETE, &segments);
                async move { (server, request.timeout(LEAVE).send().await) }
            };
            own.iter().map(delete).collect::<Vec<_>>()
        });
        for (server, answer) in futures_util::future::join_all(requests).await {
            if !answer.is_ok_and(|answer| is_answer(&answer.status())) {
                tracing::warn!(service_url = %server, "cannot deregister from Eureka in time; an entry of this node expires there");
            }
        }
        drop(announcing);
    }

    /// Whether no server can be used.
    pub(in crate::registry) fn is_unreachable(&self) -> bool {
        self.0.is_unreachable.load(Ordering::Relaxed)
    }

    /// The live instances of one of Apollo's services. This node is added as long as the servers do
    /// not know it, unless an operator took it out of service.
    pub(in crate::registry) fn services(&self, service: &str) -> Vec<ServiceInstance> {
        let listed = self.0.listed.load();
        let listed = listed.get(service).map(Vec::as_slice).unwrap_or_default();
        let app = service.to_ascii_uppercase();
        let own = self.0.own.all();
        let is_known = |own: &&Instance| listed.iter().any(|listed| listed.id() == own.id());
        let missing = own.iter().filter(|own| own.app == app && !is_known(own));
        missing.chain(listed).filter_map(services::listed).collect()
    }

    /// Addresses of the other Castalia nodes with this service.
    pub(in crate::registry) fn other_nodes(&self, service: &str) -> Vec<String> {
        let listed = self.0.listed.load();
        let listed = listed.get(service).into_iter().flatten();
        let others = listed.filter(|one| services::is_ours(one) && !self.0.own.contains(one));
        others.filter_map(services::listed).map(|listed| listed.homepage_url).collect()
    }
}

/// An answer of the server that was used.
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    server: Endpoint,
}

fn is_answer(status: &StatusCode) -> bool {
    status.is_success() || matches!(*status, StatusCode::NOT_FOUND | StatusCode::CONFLICT)
}
