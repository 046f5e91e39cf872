//! The live config and admin services, which `/services/config` and `/services/admin` list.
//!
//! Nodes with the same database find each other in its ServiceRegistry table. Answers come from
//! memory; a node always lists itself.

pub mod address;
mod custom;
mod database;
mod eureka;
mod kept_rows;
mod options;
pub mod row_width;
mod survey;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use castalia_core::protocol::namespace::CONFIG_SERVICE;
use castalia_core::protocol::wire::ServiceInstance;
use castalia_store::Store;
use futures_util::future::{BoxFuture, OptionFuture};
use parking_lot::Mutex;
use reqwest::Url;

use crate::background::Background;
use crate::server_config::ServerConfig;

pub use self::eureka::client::EurekaClient;
use self::eureka::own_address::OwnAddress;
pub use self::eureka::{
    BATCH_HEADER, BatchNumber, Eureka, EurekaPeerState, Form, NODE_HEADER, NotCarriedOut,
};
use self::kept_rows::{KeptRows, Rows};
pub use self::options::RegistryOptions;
pub use self::survey::{Survey, survey};

/// Longest wait of a start for the table, and then, while it serves, for the first heartbeats.
const FIRST_READ: Duration = Duration::from_secs(3);
const FIRST_HEARTBEAT: Duration = Duration::from_secs(5);

/// Whether the service of this node with this name can answer at present.
pub type Probe = Arc<dyn Fn(&'static str) -> BoxFuture<'static, bool> + Send + Sync>;

/// One service of this process, with the address for other nodes and clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnService {
    /// Service name, such as `apollo-configservice`.
    pub name: &'static str,
    /// Base address, with a trailing slash.
    pub uri: String,
    /// Address of this machine and port that this process listens on, which differ from those of
    /// the address behind a proxy.
    pub machine: SocketAddr,
}

/// One service in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ListedService {
    uri: String,
    /// Whether it is a Castalia node, which understands nudges.
    is_ours: bool,
}

/// The live services. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServiceRegistry(Arc<RegistryInner>);

#[derive(Debug)]
struct RegistryInner {
    own: Vec<OwnService>,
    others: ArcSwap<Rows>,
    kept: Mutex<KeptRows>,
    source: Source,
    /// The Eureka registry of this node, if it hosts one.
    eureka: Option<Eureka>,
    /// The Eureka servers of others, if services are found there too.
    servers: Option<EurekaClient>,
}

/// Where other nodes are found, apart from Eureka.
#[derive(Debug)]
enum Source {
    Nowhere,
    Table(Box<database::RegistryTable>),
    Custom(ServerConfig),
}

impl ServiceRegistry {
    /// Finds nodes in the table of a database, once [`ServiceRegistry::run`] reads it.
    #[must_use]
    pub fn database(own: Vec<OwnService>, store: Store, options: RegistryOptions) -> Self {
        let table = database::RegistryTable::new(store, options, &own);
        Self::new(own, Source::Table(Box::new(table)))
    }

    /// Lists the services that the operator configures.
    #[must_use]
    pub fn custom(config: ServerConfig) -> Self {
        Self::new(Vec::new(), Source::Custom(config))
    }

    /// Lists only these services, for tests and for programs without a table.
    #[must_use]
    pub fn fixed(own: Vec<OwnService>) -> Self {
        Self::new(own, Source::Nowhere)
    }

    /// Lists the services in the Eureka registry of this node, which includes its own.
    #[must_use]
    pub fn hosted(eureka: Eureka) -> Self {
        Self::fixed(Vec::new()).and_hosted(Some(eureka))
    }

    /// Registers with the Eureka servers of others, and lists the services there.
    #[must_use]
    pub fn client(client: EurekaClient) -> Self {
        Self::fixed(Vec::new()).and_servers(Some(client))
    }

    /// Whether `eureka.service.url` names a server.
    #[must_use]
    pub fn has_eureka_servers(config: &ServerConfig) -> bool {
        !eureka::endpoint::configured(config).is_empty()
    }

    /// Whether it names one that is not this node, by its listening port. A node may share the
    /// advertised address with a server.
    pub async fn has_other_eureka_servers(config: &ServerConfig, own_port: Option<u16>) -> bool {
        let own = OwnAddress::listening(own_port);
        for server in eureka::endpoint::configured(config) {
            if !own.includes(&server.url).await {
                return true;
            }
        }
        false
    }

    /// Also lists the services in the Eureka registry of this node.
    #[must_use]
    pub fn and_hosted(self, eureka: Option<Eureka>) -> Self {
        self.with(|inner| RegistryInner { eureka, ..inner })
    }

    /// Also lists the services at the Eureka servers of others.
    #[must_use]
    pub fn and_servers(self, servers: Option<EurekaClient>) -> Self {
        self.with(|inner| RegistryInner { servers, ..inner })
    }

    /// Completes a registry that nobody else has yet.
    fn with(self, complete: impl FnOnce(RegistryInner) -> RegistryInner) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(complete(inner))),
            Err(shared) => Self(shared),
        }
    }

    fn new(own: Vec<OwnService>, source: Source) -> Self {
        let others = ArcSwap::default();
        let kept = Mutex::default();
        Self(Arc::new(RegistryInner { own, others, kept, source, eureka: None, servers: None }))
    }

    /// Whether this node still copies what other Eureka servers know.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.0.eureka.as_ref().is_some_and(Eureka::is_copying)
    }

    /// The Eureka registry of this node, if it hosts one.
    #[must_use]
    pub fn eureka(&self) -> Option<&Eureka> {
        self.0.eureka.as_ref()
    }

    /// Reads who is alive, so that the first clients do not find nobody. Announces this node only
    /// to a hosted Eureka, which lists it from the start, and stores what the probe reports.
    pub async fn prepare(&self, background: &Background, probe: &Probe) {
        let servers = OptionFuture::from(self.0.servers.as_ref().map(EurekaClient::prepare));
        let table = async {
            if let Source::Table(table) = &self.0.source {
                self.refresh(table).await;
                // Before the heartbeats of this node are in it.
                table.warn_of_eureka().await;
            }
        };
        tokio::join!(servers, tokio::time::timeout(FIRST_READ, table)).1.ok();
        if let Some(eureka) = &self.0.eureka {
            eureka.run(background, Arc::clone(probe)).await;
        }
    }

    /// Keeps announcing this node, which answers by now, and reading who is alive. Returns once it
    /// is announced, for those who start nodes in turn, or soon: a database may hang in writes.
    pub async fn run(&self, background: &Background, probe: Probe) {
        if let Some(servers) = &self.0.servers {
            servers.run(background, probe);
        }
        let Source::Table(table) = &self.0.source else { return };
        self.repeat(background, "service heartbeat", table.heartbeat_pause(), |_, table| {
            Box::pin(table.announce())
        });
        self.repeat(background, "service discovery", database::REFRESH, |registry, table| {
            Box::pin(registry.refresh(table))
        });
        self.repeat(background, "service cleaning", database::CLEAN, |_, table| {
            Box::pin(table.clean())
        });
        tokio::time::timeout(FIRST_HEARTBEAT, table.announced()).await.ok();
    }

    fn repeat(
        &self,
        background: &Background,
        name: &'static str,
        pause: Duration,
        step: for<'a> fn(&'a Self, &'a database::RegistryTable) -> BoxFuture<'a, ()>,
    ) {
        let registry = self.clone();
        background.repeat(name, pause, move || {
            let registry = registry.clone();
            async move {
                if let Source::Table(table) = &registry.0.source {
                    step(&registry, table).await;
                }
            }
        });
    }

    /// Stops announcing, then removes this node's entries, in this order: a late heartbeat must not
    /// insert them again. Returns after about two seconds in any case; what remains expires.
    pub async fn leave(&self) {
        let eureka = OptionFuture::from(self.0.eureka.as_ref().map(Eureka::leave));
        let servers = OptionFuture::from(self.0.servers.as_ref().map(EurekaClient::leave));
        let table = async {
            if let Source::Table(table) = &self.0.source {
                table.leave().await;
            }
        };
        tokio::join!(eureka, servers, table);
    }

    /// Instances of a service: those that the operator configures, or those of the table and of
    /// Eureka, each address once. This node comes first if the table does not list it.
    #[must_use]
    pub fn instances(&self, service: &str) -> Vec<ServiceInstance> {
        if let Source::Custom(config) = &self.0.source {
            return custom::instances(config, service);
        }
        let others = self.0.others.load();
        let listed = others.get(service).map(Vec::as_slice).unwrap_or_default();
        let is_listed = |own: &OwnService| listed.iter().any(|other| other.uri == own.uri);
        let own = self.0.own.iter().filter(|own| own.name == service && !is_listed(own));
        let mut instances: Vec<_> = own
            .map(|own| &own.uri)
            .chain(listed.iter().map(|listed| &listed.uri))
            .map(|uri| ServiceInstance {
                app_name: service.to_owned(),
                instance_id: uri.clone(),
                homepage_url: uri.clone(),
            })
            .collect();
        let base = |instance: &ServiceInstance| normalized(&instance.homepage_url);
        let mut known: HashSet<String> = instances.iter().map(base).collect();
        let others = self.of_eureka(service).into_iter();
        instances.extend(others.filter(|instance| known.insert(base(instance))));
        instances
    }

    /// What users of the health page should know, although this node serves without it.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let eureka = self.0.servers.as_ref().and_then(EurekaClient::note);
        let table = if let Source::Table(table) = &self.0.source { table.note() } else { None };
        eureka.into_iter().chain(table).map(str::to_owned).collect()
    }

    /// Config services of other Castalia nodes.
    #[must_use]
    pub fn peers(&self) -> Vec<String> {
        let others = self.0.others.load();
        let listed = others.get(CONFIG_SERVICE).map(Vec::as_slice).unwrap_or_default();
        let is_own = |uri: &str| self.0.own.iter().any(|own| own.uri == uri);
        let peers = listed.iter().filter(|listed| listed.is_ours && !is_own(&listed.uri));
        let peers = peers.map(|listed| listed.uri.clone());
        let eureka = self.0.eureka.iter().flat_map(|eureka| eureka.other_nodes(CONFIG_SERVICE));
        let servers = self.0.servers.iter().flat_map(|servers| servers.other_nodes(CONFIG_SERVICE));
        peers.chain(eureka).chain(servers).filter(|uri| !is_own(uri)).collect()
    }

    async fn refresh(&self, table: &database::RegistryTable) {
        let (patience, now) = (table.patience(), Instant::now());
        let recovers = self.0.kept.lock().recovers_until(patience, now).is_some();
        let read = async {
            let alive = table.alive().await?;
            let old = if recovers { Some(table.of_any_age().await?) } else { None };
            Ok::<_, castalia_store::StoreError>((alive, old))
        };
        match read.await {
            Ok((alive, old)) => {
                let has_eureka = self.0.eureka.is_some() || self.0.servers.is_some();
                let is_elsewhere = |service: &str| self.lists_without_table(service);
                let is_elsewhere = has_eureka.then_some(&is_elsewhere as &dyn Fn(&str) -> bool);
                let (before, mut kept) = (self.0.others.load(), self.0.kept.lock());
                let listed = kept.update(&before, alive, old.as_ref(), patience, is_elsewhere, now);
                self.0.others.store(Arc::new(listed));
            }
            Err(error) => {
                self.0.kept.lock().fail();
                tracing::debug!(%error, "cannot read the service registry; keeping the previous list")
            }
        }
    }

    /// Whether clients find a service although the table has none.
    fn lists_without_table(&self, service: &str) -> bool {
        self.0.own.iter().any(|own| own.name == service) || !self.of_eureka(service).is_empty()
    }

    /// Instances of a service that Eureka lists.
    fn of_eureka(&self, service: &str) -> Vec<ServiceInstance> {
        let eureka = self.0.eureka.iter().flat_map(|eureka| eureka.services(service));
        let servers = self.0.servers.iter().flat_map(|servers| servers.services(service));
        eureka.chain(servers).collect()
    }
}

/// An address in one of its spellings, to compare it with others.
fn normalized(address: &str) -> String {
    // Without the default port.
    let url = Url::parse(address).map_or_else(|_| address.to_owned(), String::from);
    url.trim_end_matches('/').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use castalia_core::protocol::namespace::ADMIN_SERVICE;

    use super::*;

    fn listed(uri: &str, is_ours: bool) -> ListedService {
        ListedService { uri: uri.into(), is_ours }
    }

    #[test]
    fn a_node_lists_itself_once() {
        let machine = SocketAddr::from(([10, 0, 0, 1], 1));
        let own = OwnService { name: CONFIG_SERVICE, uri: "http://a:1/".into(), machine };
        let registry = ServiceRegistry::fixed(vec![own]);
        assert_eq!(registry.instances(ADMIN_SERVICE), []);
        let uris = |registry: &ServiceRegistry| {
            registry
                .instances(CONFIG_SERVICE)
                .into_iter()
                .map(|i| i.homepage_url)
                .collect::<Vec<_>>()
        };
        assert_eq!(uris(&registry), ["http://a:1/"]);
        // No dead node has to stay listed in its place.
        assert!(registry.lists_without_table(CONFIG_SERVICE));
        assert!(!registry.lists_without_table(ADMIN_SERVICE));
        let table = vec![
            listed("http://b:1/", true),
            listed("http://a:1/", true),
            listed("http://java:1/", false),
        ];
        registry.0.others.store(Arc::new(Rows::from([(CONFIG_SERVICE.to_owned(), table)])));
        assert_eq!(uris(&registry), ["http://b:1/", "http://a:1/", "http://java:1/"]);
        assert_eq!(registry.peers(), ["http://b:1/"]);
    }

    #[test]
    fn equal_addresses_have_several_spellings() {
        for (one, other) in [
            ("http://10.1.1.4:80/", "http://10.1.1.4/"),
            ("https://A.example:443", "https://a.example/"),
            ("http://a:1/apollo", "http://a:1/apollo/"),
        ] {
            assert_eq!(normalized(one), normalized(other));
        }
        assert_ne!(normalized("http://a:443/"), normalized("https://a/"));
    }

    #[test]
    fn a_custom_list_is_given_as_it_is_written() {
        let key = ("apollo.config-service.url".to_owned(), "http://a:1, http://b:2,,".to_owned());
        let registry = ServiceRegistry::custom(ServerConfig::new([key].into()));
        let of = |url: &str| ServiceInstance {
            app_name: CONFIG_SERVICE.into(),
            instance_id: format!("{CONFIG_SERVICE}:{url}"),
            homepage_url: url.into(),
        };
        assert_eq!(registry.instances(CONFIG_SERVICE), [of("http://a:1"), of("http://b:2")]);
        assert_eq!(registry.instances(ADMIN_SERVICE), []);
    }
}
