//! Finds live services: asks the meta servers, keeps the last good list and decides in which order
//! services are tried.
//!
//! The client uses it for config services, the portal for admin services.

#[cfg(feature = "client")]
mod candidates;
mod health;
mod pace;
mod query;
mod refresh;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::info;

use crate::error::{Error, ErrorKind, Result};
use crate::redact::without_credentials;
use crate::transport::Transport;

#[cfg(feature = "client")]
pub(crate) use candidates::Candidates;
use health::Health;
use pace::Pace;
use query::query_in_turn;

/// Operation of all errors of this module.
const OPERATION: &str = "discovery";

/// Base address of a service, with the path prefix of a gateway if there is one.
pub type ServiceUrl = Arc<str>;
/// Addresses of services, in the meta server's order.
pub type Services = Arc<[ServiceUrl]>;

/// Replaces an address of a meta server by one that can be reached from here.
pub type UrlRewriter = Arc<dyn Fn(&str) -> String + Send + Sync>;
/// Returns the current address of this machine.
pub type ClientIpSource = Arc<dyn Fn() -> String + Send + Sync>;
/// Sorts services into the order in which they are tried. Called for each load and each time that a
/// poll chooses a service.
pub type ServerSelector = Arc<dyn Fn(&mut [ServiceUrl]) + Send + Sync>;

/// Which services to find, from which meta servers, and how often to ask.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use castalia_core::discovery::{Discovery, DiscoveryOptions};
/// use castalia_core::protocol::route::CONFIG_SERVICES_PATH;
/// use castalia_core::testing::{Data, Network, Server};
/// use castalia_core::transport::Transport;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let server = Server::in_memory("http://meta", Data::new());
/// let network = Network::new();
/// network.connect(&server);
///
/// let options = DiscoveryOptions {
///     path: CONFIG_SERVICES_PATH,
///     app_id: "demo".to_owned(),
///     client_ip: None,
///     meta_servers: vec!["http://meta".to_owned()],
///     read_timeout: Duration::from_secs(1),
///     refresh_interval: Duration::from_secs(300),
///     per_second: 1.0,
///     rewrite: None,
///     random: fastrand::Rng::new(),
/// };
/// let discovery = Discovery::new(Transport::new(Arc::new(network), 1024 * 1024), options);
/// assert_eq!(&*discovery.services().await?[0], "http://meta/");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DiscoveryOptions {
    /// [`CONFIG_SERVICES_PATH`](crate::protocol::route::CONFIG_SERVICES_PATH) or
    /// [`ADMIN_SERVICES_PATH`](crate::protocol::route::ADMIN_SERVICES_PATH).
    pub path: &'static str,
    /// App id sent with each request.
    pub app_id: String,
    /// Returns the current address of this machine, which may change; `None` if servers do not
    /// need it.
    pub client_ip: Option<ClientIpSource>,
    /// Base addresses of the meta servers. They are tried in random order; the one that answers is
    /// asked first from then on, until all services of its list fail.
    pub meta_servers: Vec<String>,
    /// Longest silence of a meta server. After a second, the next one is asked as well.
    pub read_timeout: Duration,
    /// Time between refreshes, plus or minus 10 %.
    pub refresh_interval: Duration,
    /// Maximum requests per second. Callers beyond it get the result of the last request.
    /// [`Discovery::refresh_forever`] lowers it while no service answers.
    pub per_second: f64,
    /// Replaces received addresses, if they cannot be reached as they are.
    pub rewrite: Option<UrlRewriter>,
    /// Source of random order and jitter.
    pub random: fastrand::Rng,
}

/// The list of live services; cheap to clone.
///
/// ```
/// use castalia_core::discovery::Discovery;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> castalia_core::Result<()> {
/// let urls = ["http://a:8080".to_owned(), "http://b:8080".to_owned()];
/// let discovery = Discovery::fixed(&urls, fastrand::Rng::new());
///
/// let services = discovery.services().await?;
/// assert_eq!(services.len(), 2);
///
/// // A service that failed three times in a row is tried last for a while.
/// let failing = services[0].clone();
/// for _ in 0..3 {
///     discovery.report(&failing, false);
/// }
/// assert_eq!(discovery.services().await?[1], failing);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Discovery {
    inner: Arc<DiscoveryInner>,
    /// `None` for random order.
    selector: Option<ServerSelector>,
}

struct DiscoveryInner {
    services: watch::Sender<Services>,
    health: Health,
    /// Wakes [`Discovery::refresh_forever`] when every service of the list has failed.
    all_failed: Notify,
    random: Mutex<fastrand::Rng>,
    /// Meta server that returned the list.
    meta_server: Mutex<Option<String>>,
    /// `None` if the list is fixed.
    meta: Option<MetaServers>,
}

struct MetaServers {
    transport: Transport,
    options: DiscoveryOptions,
    /// Held during a request, so that concurrent callers share its result.
    query: tokio::sync::Mutex<QueryState>,
    /// Number of finished requests, successful or not.
    completed: watch::Sender<u64>,
}

struct QueryState {
    pace: Pace,
    /// Meta servers; the one that answered last comes first. They are only ever rotated, so that
    /// each has its turn.
    servers: Vec<String>,
    /// Error of the last request; `None` if it succeeded.
    last_error: Option<Error>,
}

impl Discovery {
    /// A fixed list; no meta server is ever asked.
    #[must_use]
    pub fn fixed(services: &[String], random: fastrand::Rng) -> Self {
        let services = services.iter().map(|url| ServiceUrl::from(url.as_str()));
        Self::with(services.collect(), random, None)
    }

    /// Discovery through meta servers. Nothing is sent before [`Discovery::services`] or
    /// [`Discovery::refresh_forever`] is called.
    #[must_use]
    pub fn new(transport: Transport, options: DiscoveryOptions) -> Self {
        let mut random = options.random.clone();
        let mut servers = options.meta_servers.clone();
        random.shuffle(&mut servers);
        let query = tokio::sync::Mutex::new(QueryState {
            pace: Pace::new(options.per_second),
            servers,
            last_error: None,
        });
        let meta = MetaServers { transport, options, query, completed: watch::Sender::new(0) };
        Self::with(Services::from([]), random, Some(meta))
    }

    fn with(services: Services, random: fastrand::Rng, meta: Option<MetaServers>) -> Self {
        let inner = Arc::new(DiscoveryInner {
            services: watch::Sender::new(services),
            health: Health::default(),
            all_failed: Notify::new(),
            random: Mutex::new(random),
            meta_server: Mutex::new(None),
            meta,
        });
        Self { inner, selector: None }
    }

    /// Sorts services with `selector` instead of randomly; `None` restores the random order.
    /// Services that failed recently come last in either case.
    #[must_use]
    pub fn with_selector(self, selector: Option<ServerSelector>) -> Self {
        Self { selector, ..self }
    }

    /// Services in the order in which to try them. Asks the meta servers if none is known; the
    /// caller never waits for more than one query.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] if no service is known and no meta server returned one.
    pub async fn services(&self) -> Result<Vec<ServiceUrl>> {
        Ok(self.in_order(&self.known_services().await?))
    }

    /// The list. Asks a meta server if it is empty.
    async fn known_services(&self) -> Result<Services> {
        let services = self.current_services();
        // An empty list is treated as a failure: a registry that restarts must not take away
        // services that still work.
        if !services.is_empty() {
            return Ok(services);
        }
        self.query_shared().await?;
        Ok(self.current_services())
    }

    /// These services in the order in which to try them.
    fn in_order(&self, services: &[ServiceUrl]) -> Vec<ServiceUrl> {
        let mut order = services.to_vec();
        match &self.selector {
            Some(select) => select(&mut order),
            None => self.random(|random| random.shuffle(&mut order)),
        }
        // Moved, not removed: if every service failed recently, they are still the only ones to
        // try.
        self.inner.health.move_ejected_last(&mut order);
        order
    }

    /// Asks a meta server for the list, for callers that do not use [`Discovery::refresh_forever`].
    ///
    /// # Errors
    /// [`ErrorKind::Transport`] if no meta server returned a service; those known so far are kept.
    pub async fn refresh(&self) -> Result<()> {
        self.query_shared().await
    }

    /// The meta server that returned the list; `None` if the list is fixed or none has answered
    /// yet.
    #[must_use]
    pub fn meta_server(&self) -> Option<String> {
        self.inner.meta_server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records whether a service answered. Three failures in a row move it to the end of
    /// [`Discovery::services`] for 10 s, doubling up to 60 s. Once this has happened to every
    /// service of the list, [`Discovery::refresh_forever`] asks the next meta server.
    pub fn report(&self, service: &ServiceUrl, answered: bool) {
        self.inner.health.report(service, answered);
        if !answered && self.all_failed() {
            self.inner.all_failed.notify_one();
        }
    }

    /// Whether the service is in the current list.
    #[must_use]
    pub fn contains(&self, service: &ServiceUrl) -> bool {
        self.current_services().contains(service)
    }

    pub(crate) fn current_services(&self) -> Services {
        self.inner.services.borrow().clone()
    }

    /// Whether no service is known.
    fn is_empty(&self) -> bool {
        self.inner.services.borrow().is_empty()
    }

    /// Whether no service of the list has answered since it failed three times in a row.
    fn all_failed(&self) -> bool {
        self.inner.health.all_failed(&self.current_services())
    }

    /// Whether no service is known that answers.
    fn is_lost(&self) -> bool {
        self.is_empty() || self.all_failed()
    }

    fn random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        let random = self.inner.random.lock();
        draw(&mut random.unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks a meta server, or returns the result of the request in progress.
    async fn query_shared(&self) -> Result<()> {
        let Some(meta) = &self.inner.meta else {
            return Err(no_service("apollo.config-service contains no address"));
        };
        let completed = *meta.completed.borrow();
        let mut query = meta.query.lock().await;
        // Another caller finished a request while this one waited for the lock; its result is as
        // fresh. Requests that come too soon get the last result too.
        let is_shared = *meta.completed.borrow() != completed;
        let next_at = query.pace.next_at(self.is_lost());
        if is_shared || next_at.is_some_and(|next_at| Instant::now() < next_at) {
            return match &query.last_error {
                Some(error) => Err(error.clone()),
                None if self.is_empty() => Err(no_service("no meta server has answered yet")),
                None => Ok(()),
            };
        }
        let outcome = self.query_meta_servers(meta, &mut query).await;
        query.pace.queried();
        query.last_error = outcome.as_ref().err().cloned();
        let is_first = *meta.completed.borrow() == 0;
        // Counted before the lock is released: callers that wait compare this number.
        meta.completed.send_modify(|completed| *completed += 1);
        // No warning: loads that need a service report the failure, unless the next query succeeds.
        if let (Some(error), true) = (&query.last_error, is_first) {
            info!(%error, "no service found yet; retrying");
        }
        outcome
    }

    async fn query_meta_servers(&self, meta: &MetaServers, query: &mut QueryState) -> Result<()> {
        // A meta server that is cut off from its database keeps listing services that are gone.
        // Only their failures show it.
        let mut raced = query.servers.len();
        if raced > 1 && self.all_failed() {
            query.servers.rotate_left(1);
            // It would answer first, again, while the others are slow.
            raced -= 1;
        }
        let (index, services) = query_in_turn(meta, &query.servers, raced).await?;
        // Stays with the server that answered, so that a dead one costs its timeout only once.
        query.servers.rotate_left(index);
        self.store_services(&services, &query.servers[0]);
        Ok(())
    }

    /// Replaces the list; waiters are woken only if it changed.
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
            let services = services.iter().map(|url| without_credentials(url));
            let services = services.collect::<Vec<_>>();
            info!(meta_server = &*without_credentials(meta_server), ?services, "services found");
        }
    }
}

fn no_service(message: &str) -> Error {
    Error::new(ErrorKind::Transport, OPERATION, message)
}
