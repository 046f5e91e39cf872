//! Which services are alive: asks the meta servers, keeps the last good list, and says in which order to try it.
//!
//! The client looks for config services with it, the portal for admin services; it knows neither.

mod health;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::backoff::apply_jitter;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::route::services_path_and_query;
use crate::protocol::wire::ServiceInstance;
use crate::rate_limit::RateLimit;
use crate::transport::{ServiceRequest, ServiceResponse, Transport, Url};

use health::Health;

/// Operation of the errors of a question that brought no list.
pub(crate) const OPERATION: &str = "discovery";
/// Pause between the two attempts at the start.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
const REFRESH_JITTER: f64 = 0.1;

/// Base address of a service.
pub type ServiceUrl = Arc<str>;
/// Addresses of the services, in the meta server's order.
pub type Services = Arc<[ServiceUrl]>;

/// Replaces an address that cannot be reached as the meta server spells it.
pub type UrlRewriter = Arc<dyn Fn(&str) -> String + Send + Sync>;
/// The address of this machine now.
pub type ClientIpSource = Arc<dyn Fn() -> String + Send + Sync>;
/// Puts the services in the order in which they are to be tried; called for each load and each choice of a poll.
pub type ServerSelector = Arc<dyn Fn(&mut [ServiceUrl]) + Send + Sync>;

/// What to ask and how often.
#[derive(Clone)]
pub struct DiscoveryOptions {
    /// What is looked for: a path of [`crate::protocol::route`].
    pub path: &'static str,
    /// App id that asks.
    pub app_id: String,
    /// Tells the address of this machine, which may get another one; `None` where servers need not know it.
    pub client_ip: Option<ClientIpSource>,
    /// Meta servers; tried in random order until one answers, which is then kept.
    pub meta_servers: Vec<String>,
    /// Longest silence of a meta server.
    pub read_timeout: Duration,
    /// Time between refreshes.
    pub refresh_interval: Duration,
    /// Most questions in a second; those above it are skipped.
    pub per_second: f64,
    /// Replaces the addresses received, where they cannot be reached as they are.
    pub rewrite: Option<UrlRewriter>,
    /// Source of random order and jitter.
    pub random: fastrand::Rng,
}

/// The services known now; cheap to clone.
#[derive(Clone)]
pub struct Discovery {
    inner: Arc<DiscoveryInner>,
    /// `None` for random order.
    selector: Option<ServerSelector>,
}

struct DiscoveryInner {
    services: watch::Sender<Services>,
    health: Health,
    random: Mutex<fastrand::Rng>,
    /// Meta server that gave the list.
    meta_server: Mutex<Option<String>>,
    /// `None` where the list is fixed.
    meta: Option<MetaServers>,
}

struct MetaServers {
    transport: Transport,
    options: DiscoveryOptions,
    /// Held while one question is under way, so that all who wait share its answer.
    query: tokio::sync::Mutex<QueryState>,
    /// How many questions were answered or failed.
    completed: AtomicU64,
}

struct QueryState {
    rate: RateLimit,
    /// Meta servers, the one that answered last in front.
    servers: Vec<String>,
    /// How the last question failed.
    last_error: Option<Error>,
}

impl Discovery {
    /// A list given by the settings: no meta server is ever asked.
    #[must_use]
    pub fn fixed(services: &[String], random: fastrand::Rng) -> Self {
        let services = services.iter().map(|url| ServiceUrl::from(url.as_str()));
        Self::with(services.collect(), random, None)
    }

    /// Asks meta servers. Nothing is asked before [`Discovery::services`] or [`Discovery::refresh_forever`].
    #[must_use]
    pub fn new(transport: Transport, options: DiscoveryOptions) -> Self {
        let mut random = options.random.clone();
        let mut servers = options.meta_servers.clone();
        random.shuffle(&mut servers);
        let query =
            QueryState { rate: RateLimit::new(options.per_second), servers, last_error: None };
        let query = tokio::sync::Mutex::new(query);
        let meta = MetaServers { transport, options, query, completed: AtomicU64::new(0) };
        Self::with(Services::from([]), random, Some(meta))
    }

    fn with(services: Services, random: fastrand::Rng, meta: Option<MetaServers>) -> Self {
        let inner = Arc::new(DiscoveryInner {
            services: watch::Sender::new(services),
            health: Health::default(),
            random: Mutex::new(random),
            meta_server: Mutex::new(None),
            meta,
        });
        Self { inner, selector: None }
    }

    /// The same, with this order of services instead of a random one; `None` keeps the random one. Services that failed lately
    /// come last whatever it says.
    #[must_use]
    pub fn with_selector(self, selector: Option<ServerSelector>) -> Self {
        Self { selector, ..self }
    }

    /// Returns once any service is known.
    pub async fn wait_until_known(&self) {
        let mut services = self.inner.services.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = services.wait_for(|services| !services.is_empty()).await;
    }

    /// The services to try, best first: in random order or that of the selector, those that failed lately last. Asks a meta server if none is known; the
    /// caller never waits for more than one question.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] when none is known and none could be learned.
    pub async fn services(&self) -> Result<Vec<ServiceUrl>> {
        let mut services = self.current_services();
        if services.is_empty() {
            self.query_shared().await?;
            services = self.current_services();
        }
        let mut order = services.to_vec();
        match &self.selector {
            Some(select) => select(&mut order),
            None => self.random(|random| random.shuffle(&mut order)),
        }
        self.inner.health.move_ejected_last(&mut order);
        Ok(order)
    }

    /// The meta server that gave the list; `None` where the settings gave it, or nobody has yet.
    #[must_use]
    pub fn meta_server(&self) -> Option<String> {
        self.inner.meta_server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes whether a service answered.
    pub fn report(&self, service: &ServiceUrl, answered: bool) {
        self.inner.health.report(service, answered);
    }

    /// Whether the service is in the list now.
    #[must_use]
    pub fn contains(&self, service: &ServiceUrl) -> bool {
        self.current_services().contains(service)
    }

    /// Asks twice at the start if need be, then once in each interval, for ever. A failure or an empty answer keeps the list; it
    /// goes to `last_error` unless it is one of the start, which whoever looks for a service then meets.
    pub async fn refresh_forever(&self, on_error: impl Fn(&Error)) {
        let Some(meta) = &self.inner.meta else {
            return;
        };
        if self.current_services().is_empty() && self.query_shared().await.is_err() {
            sleep(FIRST_RETRY_DELAY).await;
            let _ = self.query_shared().await;
        }
        loop {
            let interval = meta.options.refresh_interval;
            sleep(self.random(|random| apply_jitter(interval, REFRESH_JITTER, random))).await;
            if let Err(error) = self.query_shared().await {
                debug!(%error, "discovery failed; the services known so far are kept");
                on_error(&error);
            }
        }
    }

    fn current_services(&self) -> Services {
        self.inner.services.borrow().clone()
    }

    fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        let random = self.inner.random.lock();
        draw(&mut random.unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks, or shares the outcome of the question that is under way.
    async fn query_shared(&self) -> Result<()> {
        let Some(meta) = &self.inner.meta else {
            return Err(no_service("apollo.config-service names no service"));
        };
        let completed = meta.completed.load(Ordering::Acquire);
        let mut query = meta.query.lock().await;
        if meta.completed.load(Ordering::Acquire) != completed || !query.rate.try_take() {
            return match &query.last_error {
                Some(error) => Err(error.clone()),
                None if self.current_services().is_empty() => {
                    Err(no_service("no answer of a meta server yet"))
                }
                None => Ok(()),
            };
        }
        let outcome = self.query_meta_servers(meta, &mut query).await;
        let is_first = meta.completed.fetch_add(1, Ordering::AcqRel) == 0;
        query.last_error = outcome.as_ref().err().cloned();
        if let (Some(error), true) = (&query.last_error, is_first) {
            warn!(%error, "no config service found yet; retrying");
        }
        outcome
    }

    async fn query_meta_servers(&self, meta: &MetaServers, query: &mut QueryState) -> Result<()> {
        let mut last = no_service("no meta server is set; set apollo.meta");
        for index in 0..query.servers.len() {
            let server = query.servers[index].clone();
            match query_server(meta, &server).await {
                Ok(services) => {
                    query.servers.swap(0, index);
                    self.store_services(&services, &server);
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn store_services(&self, services: &Services, meta_server: &str) {
        let source = Some(meta_server.to_owned());
        *self.inner.meta_server.lock().unwrap_or_else(PoisonError::into_inner) = source;
        let changed = self.inner.services.send_if_modified(|known| {
            let changed = known != services;
            if changed {
                *known = services.clone();
            }
            changed
        });
        if changed {
            self.inner.health.retain(services);
            info!(meta_server, services = ?services, "services found");
        }
    }
}

async fn query_server(meta: &MetaServers, server: &str) -> Result<Services> {
    let options = &meta.options;
    let ip = options.client_ip.as_ref().map(|tell| tell());
    let path_and_query = services_path_and_query(options.path, &options.app_id, ip.as_deref());
    let request = ServiceRequest {
        service: server,
        path_and_query: &path_and_query,
        app_id: &options.app_id,
        access_key: None,
        read_timeout: options.read_timeout,
    };
    let ServiceResponse::Body(body) = meta.transport.get(request).await? else {
        return Err(unusable_list(server, "the meta server sent no list"));
    };
    let listed: Vec<ServiceInstance> = serde_json::from_slice(&body).map_err(|error| {
        unusable_list(server, "the meta server's list is not JSON").caused_by(error)
    })?;
    let services: Services = listed
        .iter()
        .filter(|instance| Url::parse(&instance.homepage_url).is_ok_and(|url| url.has_host()))
        .map(|instance| match &options.rewrite {
            Some(rewrite) => ServiceUrl::from(rewrite(&instance.homepage_url)),
            None => ServiceUrl::from(instance.homepage_url.as_str()),
        })
        .collect();
    if services.is_empty() {
        return Err(unusable_list(server, "the meta server knows no service"));
    }
    Ok(services)
}

fn no_service(message: &str) -> Error {
    Error::new(ErrorKind::Transport, OPERATION, message)
}

fn unusable_list(server: &str, message: &str) -> Error {
    Error::new(ErrorKind::Transport, OPERATION, message).with("meta_server", server)
}
