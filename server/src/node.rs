//! One running server: sockets, databases, roles and background work, from validated settings to an
//! orderly shutdown.
//!
//! Sockets are bound before databases are created, so that a port in use leaves no partial
//! installation behind. They answer once nothing can refuse the start any more, and others find
//! this node once they answer.

mod admin_token;
mod data_dir;
mod database;
mod offline;
mod random;
mod sample;
mod seed;
mod socket;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use axum::Router;
use castalia_store::{Secret, Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

pub use self::admin_token::AdminTokens;
use self::data_dir::DataDir;
use self::database::{ConfigDatabase, PortalDatabase};
pub use self::offline::{
    admin_tokens, audit_logs, check_databases, examine, existing_portal_store, prepare_databases,
};
use self::random::random_hex;
pub use self::seed::GeneratedPassword;
use self::socket::Sockets;
use crate::background::Background;
use crate::domain::instance_audit::InstanceAudit;
use crate::domain::{forgotten_instance, instance_retention, unsigned_client, user};
use crate::environment::Environments;
use crate::feed::{FeedOptions, ReleaseFeed};
use crate::http::about::NodeInfo;
use crate::http::admission::{Admission, Sharing};
use crate::http::capacity::Capacity;
use crate::http::health::Readiness;
use crate::http::large_head::LargeHeads;
use crate::http::memory::FromMemory;
use crate::http::metrics::{Databases, Metrics};
use crate::http::route::Listed;
use crate::http::{self, Port, PortService};
use crate::nudge::{self, Nudge};
use crate::registry::Probe;
use crate::role::{self, ClientPort};
use crate::settings::role::Role;
use crate::settings::{Compat, Installation, Settings};
use crate::state::{EnvironmentState, PortalState};

/// Interval at which the ServerConfig tables are read.
const CONFIG_PAUSE: Duration = Duration::from_secs(60);

/// The reason why a node could not start; each names the setting to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("--data-dir: {0}")]
    DataDir(String),
    /// A socket cannot be opened.
    #[error("{setting}: cannot listen on {address}: {source}")]
    Bind {
        /// Flag of the port.
        setting: &'static str,
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A database cannot be opened, or its schema is not suitable.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The first reads failed.
    #[error("{0}")]
    Load(#[from] crate::error::Error),
    /// The start was interrupted.
    #[error("interrupted before the start was complete")]
    Interrupted,
}

/// A listener that accepts connections.
#[derive(Debug, Clone, Copy)]
pub struct Listening {
    /// Role of the port; meta shares that of config.
    pub role: Role,
    /// Its address.
    pub address: SocketAddr,
}

/// A route of a port, for callers that enumerate all routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Role of the port; meta shares that of config.
    pub port: Role,
    /// Method.
    pub method: Method,
    /// Path with placeholders.
    pub path: &'static str,
}

/// A running server.
#[derive(Debug)]
pub struct Node {
    /// Listeners that accept connections.
    pub listening: Vec<Listening>,
    /// All routes of the listeners.
    pub routes: Vec<Route>,
    /// Whether this environment has the sample app, so that its address can be printed.
    pub has_sample_app: bool,
    /// The administrator's password, if this start generated it.
    pub generated_password: Option<GeneratedPassword>,
    background: Background,
    connections: Background,
    /// Counts the changes under way, which go on if their callers leave.
    changes: TaskTracker,
    capacity: Capacity,
    heads: LargeHeads,
    settings: Arc<Settings>,
    metrics_token: Secret,
    environment: Option<EnvironmentState>,
    /// The open databases, to be closed at the end.
    stores: Vec<Store>,
    ready: Readiness,
    _data_dir: DataDir,
}

impl Node {
    /// Starts everything that the settings require; when this returns, all listeners answer.
    ///
    /// # Errors
    /// Returns the first failure, with the name of its setting. No listener remains open then.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        Self::start_unless(settings, std::future::pending()).await
    }

    /// Same as [`Self::start`], unless `interrupted` resolves first: a start may wait long for a
    /// database that does not answer, or for another node that changes the schema.
    ///
    /// # Errors
    /// Returns [`StartError::Interrupted`] in this case, after an orderly shutdown of what was
    /// already started.
    pub async fn start_unless(
        settings: Settings,
        interrupted: impl Future<Output = ()>,
    ) -> Result<Self, StartError> {
        let settings = Arc::new(settings);
        let mut data_dir = DataDir::open(&settings)?;
        let sockets = Sockets::bind(&settings)?;
        data_dir.lock_files(&settings)?;
        let mut node = Self {
            listening: sockets.listening(),
            routes: Vec::new(),
            has_sample_app: false,
            generated_password: None,
            background: Background::default(),
            connections: Background::default(),
            changes: TaskTracker::new(),
            capacity: Capacity::of_process(&settings),
            heads: Capacity::large_heads(&settings),
            metrics_token: data_dir::metrics_token(&settings)?,
            settings,
            environment: None,
            stores: Vec::new(),
            ready: Readiness::default(),
            _data_dir: data_dir,
        };
        // Boxed, because the compiler cannot compute the layout of so deep a future.
        let opening = Box::pin(node.open(sockets));
        let opened = tokio::select! {
            opened = opening => opened,
            () = interrupted => Err(StartError::Interrupted),
        };
        if let Err(error) = opened {
            node.stop().await;
            return Err(error);
        }
        node.stores.iter().for_each(Store::end_start);
        Ok(node)
    }

    /// Whatever may refuse the start comes first: until then no port answers, and others do not
    /// find this node. Clients of a start that fails would receive the answers of an empty
    /// database. Writes that nothing depends on come last: a database that can be read may hang in
    /// them.
    async fn open(&mut self, sockets: Sockets) -> Result<(), StartError> {
        let (config, portal) = self.open_databases().await?;
        if let Some(config) = config {
            self.environment = Some(self.open_environment(&sockets, config).await?);
        }
        let portal = match portal {
            Some(portal) => Some(self.open_portal(portal).await?),
            None => None,
        };
        let probe = self.environment.clone().map(probe);
        if let (Some(state), Some(probe)) = (&self.environment, &probe) {
            let prepared = state.registry.prepare(&self.background, probe);
            let (is_present, ()) = tokio::join!(sample::is_present(&state.store), prepared);
            self.has_sample_app = is_present;
        }
        self.serve_ports(sockets, portal);
        self.ready.set(true);
        if let (Some(state), Some(probe)) = (&self.environment, probe) {
            state.registry.run(&self.background, probe).await;
        }
        Ok(())
    }

    /// Opens the databases of the roles, and fails if they do not belong to each other.
    async fn open_databases(
        &mut self,
    ) -> Result<(Option<ConfigDatabase>, Option<PortalDatabase>), StartError> {
        let settings = Arc::clone(&self.settings);
        let (mut config, mut portal) = (None, None);
        if settings.serves_environment() {
            let opened = database::open_config(&settings).await?;
            self.keep(&opened.store);
            config = Some(opened);
        }
        if settings.plays(Role::Portal) {
            let opened = database::open_portal(&settings, config.as_ref()).await?;
            self.keep(&opened.store);
            portal = Some(opened);
        }
        Ok((config, portal))
    }

    fn serve_ports(&mut self, sockets: Sockets, portal: Option<PortalState>) {
        let config =
            self.environment.as_ref().map(|state| (state.store.clone(), state.feed.clone()));
        let portal_store = portal.as_ref().map(|state| state.store.clone());
        let databases = Databases { config, portal: portal_store };
        if let (Some(socket), Some(state)) = (sockets.client, self.environment.clone()) {
            let compat = state.compat;
            let about = NodeInfo::new(self.metrics_token.clone(), Arc::clone(&self.settings));
            let (about, listed) = about.routes();
            self.list(Role::Config, listed);
            let more = self.metrics(Role::Config, compat, &databases).merge(about);
            let (port, listed) = ClientPort::new(state, more);
            self.list(Role::Config, listed);
            let memory: Arc<dyn FromMemory> = Arc::new(port.clone());
            self.serve(socket, port, Some(memory), compat);
        }
        if let (Some(socket), Some(state)) = (sockets.admin, self.environment.clone()) {
            let compat = state.compat;
            admin_token::warn_of_weak(&state.config);
            role::admin::run(&state, &self.background);
            let (router, listed) = role::admin::router(state);
            self.list(Role::Admin, listed);
            let router = router.merge(self.metrics(Role::Admin, compat, &databases));
            self.serve(socket, router, None, compat);
        }
        if let (Some(socket), Some(state)) = (sockets.portal, portal) {
            let compat = state.compat;
            let (router, listed) = role::portal::router(state);
            self.list(Role::Portal, listed);
            let router = router.merge(self.metrics(Role::Portal, compat, &databases));
            self.serve(socket, router, None, compat);
        }
    }

    async fn open_environment(
        &mut self,
        sockets: &Sockets,
        database: ConfigDatabase,
    ) -> Result<EnvironmentState, StartError> {
        let settings = Arc::clone(&self.settings);
        let ConfigDatabase { store, config, installation } = database;
        let compat = settings.compat.resolve(settings.defaults.unwrap_or(installation));
        let options =
            FeedOptions { folds_names: compat.fold_names, polls: self.capacity.polls(&settings) };
        // Uses the reserved connections, so that requests of users and scripts cannot delay those
        // of applications.
        let reserved = store.reserved();
        let feed = ReleaseFeed::load(reserved.clone(), config.clone(), options).await?;
        feed.run(&self.background);
        let instances = InstanceAudit::new(store.clone(), config.clone());
        instances.run(&self.background);
        forgotten_instance::run(&reserved, &feed, &instances, &self.background);
        instance_retention::run(&store, &config, &self.background);
        let secret = nudge::secret(&reserved, random_hex()?).await?;
        let registry = sockets.registry(&settings, &config, &reserved, &secret).await?;
        let nudge = Nudge::open(&reserved, &registry, secret)?;
        nudge.run(&feed, &self.background);
        let (reread, refreshed) = (reserved, (config.clone(), Arc::clone(&settings)));
        self.background.repeat("config settings", CONFIG_PAUSE, move || {
            database::refresh_config(reread.clone(), refreshed.0.clone(), Arc::clone(&refreshed.1))
        });
        Ok(EnvironmentState {
            compat,
            settings,
            unsigned: unsigned_client::run(&store, &self.background),
            store,
            config,
            feed,
            nudge,
            instances,
            registry,
            changes: self.changes.clone(),
            ready: self.ready.clone(),
        })
    }

    /// Closes the database when the node ends, and tries writes until then.
    fn keep(&mut self, store: &Store) {
        self.stores.push(store.clone());
        let tried = store.clone();
        self.background.spawn("trial writes", move || tried.keep_trying());
    }

    async fn open_portal(&mut self, database: PortalDatabase) -> Result<PortalState, StartError> {
        let settings = Arc::clone(&self.settings);
        let PortalDatabase { store, config, installation, is_new } = database;
        let installation = settings.defaults.unwrap_or(installation);
        if installation == Installation::Fresh {
            self.generated_password = seed::administrator(&settings, &store).await?;
        }
        user::warn_of_published_password(&store).await?;
        let (reread, refreshed) = (store.clone(), config.clone());
        self.background.repeat("portal settings", CONFIG_PAUSE, move || {
            database::refresh_portal(reread.clone(), refreshed.clone())
        });
        let admin = self.environment.clone().filter(|_| settings.plays(Role::Admin));
        let state = PortalState {
            compat: settings.compat.resolve(installation),
            environments: Environments::new(&settings, &config, admin.map(role::admin::in_process)),
            environment: self.environment.clone(),
            settings: Arc::clone(&settings),
            installation,
            store,
            config,
            changes: self.changes.clone(),
            notices: Arc::default(),
            ready: self.ready.clone(),
        };
        role::portal::run(&state, &self.background);
        let is_own = settings.portal_db.is_none() && self.environment.is_some();
        if is_new && settings.sample_app && is_own {
            sample::seed(&state).await;
        }
        Ok(state)
    }

    fn list<A>(&mut self, port: Role, listed: Vec<Listed<A>>) {
        let route = |route: Listed<A>| Route { port, method: route.method, path: route.path };
        self.routes.extend(listed.into_iter().map(route));
    }

    /// The routes for operators, which every port has.
    fn metrics(&mut self, port: Role, compat: Compat, databases: &Databases) -> Router {
        let token = (!compat.open_metrics).then(|| self.metrics_token.clone());
        let (router, listed) = Metrics::new(token, databases.clone()).routes();
        self.list(port, listed);
        router
    }

    /// A port of clients has a front, and more connections for one address.
    fn serve<S: PortService>(
        &self,
        socket: TcpListener,
        service: S,
        front: Option<Arc<dyn FromMemory>>,
        compat: Compat,
    ) {
        let admission = match &front {
            Some(_) => Admission::new(self.capacity.client_connections(), Sharing::Gateway),
            None => Admission::new(self.capacity.other_connections(), Sharing::Direct),
        };
        let admission = admission.with_heads(self.heads.clone());
        let base_path = self.settings.base_path.as_str().into();
        let strict_status = compat.strict_status;
        let port = Port { service, base_path, strict_status, front };
        self.connections.tracker.spawn(http::serve(
            socket,
            port,
            self.connections.clone(),
            admission,
        ));
    }
}

/// Whether the services of this node can answer, for those who list them.
fn probe(state: EnvironmentState) -> Probe {
    Arc::new(move |service| {
        let state = state.clone();
        Box::pin(async move { state.answers(service).await })
    })
}
