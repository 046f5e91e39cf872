//! The Eureka servers of others: this node's services are registered there and kept alive, and the
//! services of Apollo are read from there. Exists only if discovery goes through Eureka and this
//! node does not host it.
//!
//! Only the two apps of Apollo are read, so that neither memory nor traffic depends on how many
//! other services the servers have. The last lists remain in effect while no server answers.

mod alive;
mod announcing;
mod last_lists;
mod reading;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use castalia_core::protocol::wire::ServiceInstance;
use castalia_eureka::Instance;
use castalia_store::Secret;
use chrono::DateTime;
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{CONTENT_TYPE, DATE};
use parking_lot::Mutex;
use reqwest::RequestBuilder;
use tokio::sync::Notify;

use self::last_lists::LastLists;
use super::endpoint::{self, Endpoint};
use super::own::OwnInstances;
use super::peer::NODE_HEADER;
use super::proof::Proof;
use super::services;
use crate::background::Background;
use crate::log_rate::LogRate;
use crate::outgoing::causes;
use crate::registry::{OwnService, Probe};
use crate::server_config::ServerConfig;
use crate::settings::Settings;
use crate::settings::eureka::EurekaInstance;

/// Time-outs of a request.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(8);
/// Maximum time for which the start waits for the lists.
const FIRST_READ: Duration = Duration::from_secs(10);
/// Maximum time for which it waits for those of one server.
const FIRST_ANSWER: Duration = Duration::from_secs(3);
/// Maximum interval at which the lists are read.
const READ: Duration = Duration::from_secs(30);

/// Metric of the time of the lists.
const READ_TIME: &str = "castalia_eureka_read_timestamp_seconds";

/// Apollo's services at the servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EurekaClient(Arc<ClientInner>);

#[derive(Debug)]
struct ClientInner {
    config: ServerConfig,
    client: reqwest::Client,
    renewal_interval: Duration,
    own: OwnInstances,
    proof: Proof,
    /// Whether other machines reach the own services.
    is_reachable: bool,
    /// Whether they are not registered, because other machines would be led to themselves; then
    /// only this node lists them.
    is_withheld: AtomicBool,
    /// Held during a registration or a heartbeat, so that none follows the departure.
    announcing: tokio::sync::Mutex<()>,
    /// The server that answered last.
    position: AtomicUsize,
    /// The servers that accepted this node, and when they last did; leases there end after a
    /// while.
    accepted: Mutex<Vec<(Endpoint, Instant)>>,
    /// The servers that were sent a registration and did not answer: they may have carried it out.
    unanswered: Mutex<Vec<(Endpoint, Instant)>>,
    lease_duration: Duration,
    state: Mutex<ClientState>,
    /// Notified when a server can be read again.
    readable: Notify,
    last: Mutex<LastLists>,
    listed: ArcSwap<HashMap<&'static str, Vec<Instance>>>,
}

/// What the last read and the last announcement showed; `None` before the first one.
#[derive(Debug, Default)]
struct ClientState {
    is_readable: Option<bool>,
    is_registered: Option<bool>,
    /// The server that accepts this node and lists nobody, and since when.
    unlisted: Option<(Endpoint, Instant)>,
}

/// What a server answered.
struct ServerAnswer {
    status: StatusCode,
    body: Vec<u8>,
    /// When it was sent, on the clock of the server, in milliseconds since 1970.
    date: Option<i64>,
    /// Whether a Castalia node sent it.
    is_ours: bool,
}

/// The reason why a server cannot be used.
pub(in crate::registry) type Problem = String;

impl EurekaClient {
    /// Counters that an alarm watches.
    pub const ALARMS: [&str; 1] = [services::UNUSABLE];

    /// `own` are the services of this node; `is_reachable` states whether other machines reach
    /// them. By the secret the nodes of an installation recognise each other.
    ///
    /// # Errors
    /// Fails if the HTTP client cannot be created.
    pub fn new(
        settings: &Settings,
        config: ServerConfig,
        own: &[OwnService],
        is_reachable: bool,
        secret: Secret,
    ) -> reqwest::Result<Self> {
        Self::with(&settings.eureka.instance, config, own, is_reachable, Proof::new(secret))
    }

    fn with(
        instance: &EurekaInstance,
        config: ServerConfig,
        own: &[OwnService],
        is_reachable: bool,
        proof: Proof,
    ) -> reqwest::Result<Self> {
        Ok(Self(Arc::new(ClientInner {
            config,
            client: endpoint::client(CONNECT, ANSWER)?,
            renewal_interval: Duration::from_secs(instance.renewal_interval.into()),
            own: OwnInstances::new(own, instance, &proof),
            proof,
            is_reachable,
            is_withheld: AtomicBool::new(false),
            announcing: tokio::sync::Mutex::default(),
            position: AtomicUsize::new(0),
            accepted: Mutex::default(),
            unanswered: Mutex::default(),
            lease_duration: Duration::from_secs(instance.lease_duration.into()),
            state: Mutex::default(),
            readable: Notify::new(),
            last: Mutex::default(),
            listed: ArcSwap::default(),
        })))
    }

    /// Waits for the lists, for a limited time, if this node does not have each service itself: its
    /// clients would find nobody.
    pub async fn prepare(&self) {
        metrics::gauge!(READ_TIME).set(0.0);
        if self.0.own.all().len() < services::OF_APOLLO.len() {
            let first = self.read_within(FIRST_ANSWER, Instant::now());
            tokio::time::timeout(FIRST_READ, first).await.ok();
        }
    }

    /// Keeps announcing and reading.
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
            async move { client.read(Instant::now()).await }
        });
    }

    /// Whether the services of this node are registered, if it has any. The servers may change at
    /// any time.
    fn registers(&self) -> bool {
        if self.0.own.is_empty() {
            return false;
        }
        let servers = endpoint::configured(&self.0.config);
        let withholds = !self.0.is_reachable && !servers.iter().all(Endpoint::is_loopback);
        if self.0.is_withheld.swap(withholds, Ordering::Relaxed) != withholds && withholds {
            tracing::warn!(
                "not registering with Eureka, because others cannot reach this node; set bind or advertise"
            );
        }
        !withholds
    }

    /// Tries the server that answered last, and then the next ones until one can be used.
    async fn try_servers<T>(
        &self,
        attempt: impl Fn(Endpoint) -> BoxFuture<'static, Result<T, Problem>>,
    ) -> Result<T, Problem> {
        static LEFT: LogRate = LogRate::once_a_minute();
        let servers = endpoint::configured(&self.0.config);
        let first = self.0.position.load(Ordering::Relaxed);
        let mut problems = Vec::new();
        for offset in 0..servers.len() {
            let position = (first + offset) % servers.len();
            match attempt(servers[position].clone()).await {
                Ok(result) => {
                    self.0.position.store(position, Ordering::Relaxed);
                    if !problems.is_empty()
                        && let Some(suppressed) = LEFT.admit()
                    {
                        let (reason, used) = (problems.join("; "), &servers[position]);
                        tracing::warn!(reason, %used, suppressed, "an Eureka server cannot be used; using the next one");
                    }
                    return Ok(result);
                }
                Err(problem) => problems.push(format!("{}: {problem}", servers[position])),
            }
        }
        if servers.is_empty() {
            return Err("eureka.service.url has no address".to_owned());
        }
        Err(problems.join("; "))
    }

    /// The answer to a request, with a body of at most `largest` bytes.
    async fn send(&self, request: RequestBuilder, largest: usize) -> Result<ServerAnswer, Problem> {
        let request = request
            .header(NODE_HEADER, "reader")
            .header("discoveryidentity-name", "DefaultClient")
            .header("discoveryidentity-version", "1.4");
        let response = request.send().await.map_err(|error| causes(&error.without_url()))?;
        let status = response.status();
        let content = response.headers().get(CONTENT_TYPE);
        // A proxy may answer 200 with a page of its own. Pages with another status are Eureka's
        // too.
        if status == StatusCode::OK
            && content.is_some_and(|content| content.as_bytes().starts_with(b"text/html"))
        {
            return Err("it answers with a page".to_owned());
        }
        let (date, is_ours) = (date(&response), response.headers().contains_key(NODE_HEADER));
        let body = endpoint::body(response, largest).await;
        let body = body.ok_or("the answer is too large or incomplete")?;
        Ok(ServerAnswer { status, body, date, is_ours })
    }

    /// What users of the health page should know, although this node serves without it.
    pub(in crate::registry) fn note(&self) -> Option<&'static str> {
        let ClientState { is_readable, is_registered, .. } = *self.0.state.lock();
        match (is_readable?, is_registered) {
            (false, _) => Some("eureka: unreachable"),
            (true, Some(false)) => Some("eureka: not registered"),
            (true, _) => None,
        }
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

    /// Addresses of the other nodes of this installation with this service.
    pub(in crate::registry) fn other_nodes(&self, service: &str) -> Vec<String> {
        let listed = self.0.listed.load();
        let listed = listed.get(service).into_iter().flatten();
        let others =
            listed.filter(|one| self.0.proof.is_given_by(one) && !self.0.own.contains(one));
        others.filter_map(services::listed).map(|listed| listed.homepage_url).collect()
    }
}

fn date(response: &reqwest::Response) -> Option<i64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(date).ok()?.timestamp_millis())
}
